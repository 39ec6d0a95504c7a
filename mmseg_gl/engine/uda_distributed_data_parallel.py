import torch
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class UDADistributedDataParallel(MMSeparateDistributedDataParallel):
    """DistributedDataParallel around each trainable child of a :class:`UDASegmentor`.

    Beyond mmengine's wrapper: it works with gloo on CPUs (no device ids there), and the model's
    state dict has the keys of an undistributed model, so that a checkpoint loads anywhere.

    Args:
        module (nn.Module): The model.
        device_ids (list[int] | None): Dropped on machines without CUDA.
        find_unused_parameters (bool): True by default: a method may align one output level and
            leave the other one's parameters without a gradient on the target.
        **kwargs: See ``MMSeparateDistributedDataParallel``.
    """

    def __init__(self, module, device_ids=None, find_unused_parameters=True, **kwargs):
        if torch.cuda.is_available():
            kwargs['device_ids'] = device_ids
        super().__init__(module, find_unused_parameters=find_unused_parameters, **kwargs)
        for child in module.children():
            if hasattr(child, 'module'):
                child.register_state_dict_post_hook(drop_wrapper_name)


def drop_wrapper_name(module, state_dict, prefix, local_metadata):
    """Rename ``<child>.module.x`` to ``<child>.x`` in a state dict, in place."""
    wrapped = f'{prefix}module.'
    for key in [key for key in state_dict if key.startswith(wrapped)]:
        state_dict[prefix + key.removeprefix(wrapped)] = state_dict.pop(key)
