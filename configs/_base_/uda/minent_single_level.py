# MinEnt with the main output only, for networks that have one output (VGG-16).
target_losses = dict(entropy=dict(type='EntropyLoss', loss_weights=dict(decode=1e-3)))
