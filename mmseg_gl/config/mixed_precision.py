"""Mixed-precision training of a config."""

import torch
from mmengine.config import Config

from mmseg_gl.errors import UserError

PRECISIONS = dict(bf16='bfloat16', fp16='float16')


def use_amp(cfg: Config, precision: str = 'bf16') -> None:
    """Make every optimizer of a config train with autocast.

    Losses, entropy maps and the inputs of the heads are still computed in float32.

    Args:
        cfg: Changed in place.
        precision: 'bf16', or 'fp16' (GPUs only; the losses are scaled).

    Raises:
        UserError: If the device does not support it.
    """
    if torch.cuda.is_available():
        if precision == 'bf16' and not torch.cuda.is_bf16_supported():
            raise UserError('--amp: this GPU does not support bfloat16; use --amp fp16')
        change = dict(type='AmpOptimWrapper', dtype=PRECISIONS[precision])
    else:
        if precision != 'bf16':
            raise UserError('--amp fp16 needs a GPU, and PyTorch sees none; use --amp bf16')
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            raise UserError(
                '--amp: this CPU has no fast bfloat16 instructions (AVX-512 or AMX), so training '
                'would only be slower; train without --amp'
            )
        change = dict(type='CpuAmpOptimWrapper')
    for name, entry in cfg.optim_wrapper.items():
        if name != 'constructor':
            entry.update(change)
