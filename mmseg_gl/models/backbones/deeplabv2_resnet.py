from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import BasicBlock
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.models.ops.lean_bottleneck import LeanBottleneck
from mmseg_gl.weights.imagenet import load_pretrained_backbone

WHERE = (
    "AdaptSegNet's README links the Caffe ImageNet weights "
    '"DeepLab_resnet_pretrained_init-f81d91e8.pth"; OpenMMLab\'s model hub has them as '
    '"resnet101_caffe-3ad79236.pth" ("open-mmlab://detectron/resnet101_caffe")'
)


@MODELS.register_module()
class DeepLabV2ResNet(ResNet):
    """ResNet of DeepLab-v2 and the adversarial adaptation papers.

    It is mmseg's ResNet with the three details that the official weights need: the stride is in the
    first 1x1 convolution (``style='caffe'``), the max pooling rounds up (``ceil_mode``), and the
    last two stages are dilated (2, 4) instead of strided, so that the output stride is 8. The
    affine parameters of batch norm are frozen, while its running statistics are updated in train
    mode (AdaptSegNet ``model/deeplab_multi.py``, ADVENT ``advent/model/deeplabv2.py``).

    Args:
        depth: 10, 18, 34, 50, 101 (the papers) or 152. Depth 10 has one basic block per stage.
        strides: Stride of the first block of each stage.
        dilations: Dilation of all blocks of each stage.
        out_indices: Stages to return; stage 2 (layer3) feeds the auxiliary head.
        style: 'caffe' or 'pytorch', see mmseg's ResNet.
        norm_cfg: Default: batch norm with frozen affine parameters.
        init_cfg: ``dict(type='Pretrained', checkpoint=PATH)`` loads a local file of ImageNet
            weights, which must contain every tensor of the backbone.
        **kwargs: Further options of mmseg's ResNet.

    Returns of ``forward``: a tuple of feature maps; for an (N, 3, H, W) input and depth 101,
    layer3 gives (N, 1024, h, w) and layer4 (N, 2048, h, w) with h about H/8 (720 -> 91, 512 -> 65).

    Raises:
        UserError: When the ImageNet file is missing or is not of this architecture.
    """

    arch_settings = {
        10: (BasicBlock, (1, 1, 1, 1)),
        18: (BasicBlock, (2, 2, 2, 2)),
        34: (BasicBlock, (3, 4, 6, 3)),
        50: (LeanBottleneck, (3, 4, 6, 3)),
        101: (LeanBottleneck, (3, 4, 23, 3)),
        152: (LeanBottleneck, (3, 8, 36, 3)),
    }

    def __init__(
        self,
        depth: int,
        strides: Sequence[int] = (1, 2, 1, 1),
        dilations: Sequence[int] = (1, 1, 2, 4),
        out_indices: Sequence[int] = (2, 3),
        style: str = 'caffe',
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            depth=depth,
            strides=strides,
            dilations=dilations,
            out_indices=out_indices,
            style=style,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=False),
            init_cfg=init_cfg,
            **kwargs,
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)

    def init_weights(self) -> None:
        if not load_pretrained_backbone(self, WHERE):
            BaseModule.init_weights(self)
