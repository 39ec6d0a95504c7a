# BDL's self-supervision: cross-entropy of the main output against the target's pseudo labels
# (BDL.py, loss_seg_trg), which tools/pseudo_label.py writes (SSL.py). The target's pipeline needs
# dict(type='LoadPseudoLabels', folder=...) after Resize and before RandomFlip.
target_losses = dict(
    pseudo=dict(type='PseudoLabelLoss', loss_weights=dict(decode=1.0)),  # not weighted in BDL.py
)
