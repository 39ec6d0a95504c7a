# MinEnt for the street scenes.
target_losses = dict(
    entropy=dict(type='EntropyLoss', loss_weights=dict(decode=1e-2, auxiliary=2e-3)),
)
