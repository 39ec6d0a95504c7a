from my_uda import cut_mix, feature_head, prototype_loss  # noqa: F401
