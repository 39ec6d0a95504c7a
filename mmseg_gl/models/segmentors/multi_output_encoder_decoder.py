from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import at_least_float32
from mmseg_gl.models.step import autocast_layout

UPSAMPLED = ('logits', 'probabilities')


@MODELS.register_module()
class MultiOutputEncoderDecoder(EncoderDecoder):
    """mmseg's EncoderDecoder that can return the logits of every decode head at input size.

    ``mode='outputs'`` turns an :class:`ImageBatch` into :class:`Outputs`, all that an adaptation
    step needs, and :meth:`supervised` computes the supervised losses on the same logits. The other
    modes are mmseg's. All decode heads are supported that turn features into one map of logits and
    have a pixel-wise loss on it, and so is any number of auxiliary heads.

    A decode head without ``in_channels`` takes those of the backbone's outputs, if the backbone has
    a list ``out_channels``.

    Args:
        test_cfg: mmseg's options (default: ``mode='whole'``), and two for resizing a test image's
            maps before the argmax. ``upsample``: 'logits' (default; AdaptSegNet, ADVENT), or
            'probabilities', the softmax of the logits (BDL, evaluation.py; with ``mode='whole'``
            only), which are then the ``seg_logits`` of the predicted samples. ``resize_twice``:
            False (default) resizes once, directly to the original size of the image (AdaptSegNet,
            ADVENT, BDL); True resizes to the input size first, as mmseg does (DAFormer). Maps of
            sliding windows are always resized twice. The metainfo ``upsampled`` of the samples
            names both.
        **kwargs: See mmseg's EncoderDecoder.

    Raises:
        UserError: For a head with another kind of loss, an unknown ``upsample``, probabilities in
            another mode than 'whole', or sliding windows without a size or with gaps between them;
            in use, for a head that does not fit the backbone.
    """

    def __init__(self, *args: Any, test_cfg: dict | None = None, **kwargs: Any) -> None:
        test_cfg = test_cfg or dict(mode='whole')
        super().__init__(*args, test_cfg=test_cfg, **kwargs)
        for level, head in self.decode_heads().items():
            check_head(level, head)
        if test_cfg.get('mode') == 'slide':
            sizes = test_cfg.get('crop_size'), test_cfg.get('stride')
            check_windows(*sizes, "test_cfg mode='slide': crop_size, stride")
        self.upsample = test_cfg.get('upsample', 'logits')
        self.resize_twice = test_cfg.get('resize_twice', False)
        check_choice('test_cfg.upsample', self.upsample, UPSAMPLED)
        if self.upsample == 'probabilities' and test_cfg.get('mode') != 'whole':
            raise UserError(
                "test_cfg.upsample='probabilities' needs whole images; set test_cfg.mode='whole'"
            )

    def build_head(self, cfg: dict) -> BaseDecodeHead:
        """Build a decode head on the outputs of the backbone."""
        channels = getattr(self.backbone, 'out_channels', None)
        if 'in_channels' not in cfg and channels:
            cfg = {'in_channels': channels, 'in_index': list(range(len(channels))), **cfg}
        return MODELS.build(cfg)

    def _init_decode_head(self, decode_head: dict) -> None:
        self.decode_head = self.build_head(decode_head)
        self.align_corners = self.decode_head.align_corners
        self.num_classes = self.decode_head.num_classes
        self.out_channels = self.decode_head.out_channels

    def decode_heads(self) -> dict[str, BaseDecodeHead]:
        """Return the decode heads by output level, the main one, 'decode', first."""
        heads = {'decode': self.decode_head}
        if self.with_auxiliary_head:
            if isinstance(self.auxiliary_head, nn.ModuleList):
                heads.update((f'auxiliary_{i}', head) for i, head in enumerate(self.auxiliary_head))
            else:
                heads['auxiliary'] = self.auxiliary_head
        return heads

    def forward(
        self, inputs: Any, data_samples: list[SegDataSample] | None = None, mode: str = 'tensor'
    ) -> Any:
        """Run the network: ``mode='outputs'`` is :meth:`outputs`, other modes are mmseg's."""
        if mode == 'outputs':
            return self.outputs(inputs)
        return super().forward(inputs, data_samples, mode)

    def outputs(self, batch: ImageBatch) -> Outputs:
        """Return the logits of every level at input size, and the features."""
        features = self.extract_feat(autocast_layout(batch.images))
        logits = {
            level: resize(
                at_least_float32(head(features)),
                size=batch.images.shape[2:],
                mode='bilinear',
                align_corners=head.align_corners,
                warning=False,
            )
            for level, head in self.decode_heads().items()
        }
        return Outputs(**vars(batch), logits=logits, features=tuple(features))

    def raw_logits(self, images: Tensor) -> list[Tensor]:
        """Return the logits of every head before they are resized, to time the network alone."""
        features = self.extract_feat(images)
        return [head(features) for head in self.decode_heads().values()]

    def supervised(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return the supervised loss of every level, a scalar with the weights of the head."""
        assert outputs.labels is not None  # UDASegmentor has checked
        return {
            level: supervised_loss(head, outputs.logits[level], outputs.labels, outputs.weights)
            for level, head in self.decode_heads().items()
        }

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Return the features of the backbone.

        Raises:
            UserError: When the options of a head do not fit them.
        """
        features = super().extract_feat(inputs)
        channels = [feature.shape[1] for feature in features]
        for level, head in self.decode_heads().items():
            indices, wanted = head.in_index, head.in_channels
            if isinstance(indices, int):
                indices, wanted = [indices], [wanted]
            elif head.input_transform == 'resize_concat':
                wanted = None  # their sum
            fits = all(-len(channels) <= index < len(channels) for index in indices)
            if not fits or (wanted and list(wanted) != [channels[index] for index in indices]):
                raise UserError(
                    f'model.segmentor.{level.split("_")[0]}_head: in_index={head.in_index} and '
                    f'in_channels={head.in_channels} do not fit the backbone, whose outputs have '
                    f'{", ".join(map(str, channels))} channels'
                )
        return features

    def whole_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """See mmseg; resizes once if all images of the batch have the same original size."""
        sizes = {tuple(meta['ori_shape'][:2]) for meta in batch_img_metas}
        padded = any(any(meta.get('img_padding_size', ())) for meta in batch_img_metas)
        one_resize = len(sizes) == 1 and not padded and not self.resize_twice
        maps = self._forward(inputs)
        maps = maps.softmax(dim=1) if self.upsample == 'probabilities' else maps
        return self.enlarged(maps, sizes.pop() if one_resize else inputs.shape[2:])

    def enlarged(self, maps: Tensor, size: tuple[int, ...]) -> Tensor:
        """Resize maps of the main head, bilinearly, to a height and width."""
        return resize(
            maps, size=size, mode='bilinear', align_corners=self.align_corners, warning=False
        )

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """See mmseg; adds ``upsampled`` to the metainfo of the samples."""
        samples = super().postprocess_result(seg_logits, data_samples)
        upsampled = self.upsample
        if self.test_cfg.get('mode') == 'slide':
            upsampled += ' of windows of {1}x{0}'.format(*self.test_cfg['crop_size'])
        elif self.resize_twice:
            upsampled += ' (first to the input size)'
        for sample in samples:
            sample.set_metainfo(dict(upsampled=upsampled))
        return samples


def check_windows(size: object, stride: object, options: str) -> None:
    """Raise a :class:`UserError` unless windows of a size, a stride apart, leave no gaps.

    Args:
        size: Height and width of the windows in pixels.
        stride: The steps between them, down and across.
        options: What to call both in the error.
    """
    pairs = [pair if isinstance(pair, list | tuple) else () for pair in (size, stride)]
    is_pair = [
        len(pair) == 2 and all(isinstance(side, int) and side > 0 for side in pair)
        for pair in pairs
    ]
    if not all(is_pair) or any(step > side for side, step in zip(*pairs)):
        raise UserError(
            f'{options}={size!r}, {stride!r}: expected (height, width) in pixels each, and no '
            'stride larger than the window'
        )


def check_head(level: str, head: nn.Module) -> None:
    """Raise a :class:`UserError` for a head without a pixel-wise loss on one map of logits."""
    kind, plain = type(head), BaseDecodeHead
    if not (
        isinstance(head, plain)
        and (kind.loss, kind.loss_by_feat) == (plain.loss, plain.loss_by_feat)
        and head.out_channels == head.num_classes
    ):
        raise UserError(
            f'model.segmentor: the {level} head {kind.__name__} cannot be adapted, since its '
            'training needs more than one map with a channel per class; use a head that gives one, '
            'such as FCNHead, ASPPHead, UPerHead or SegformerHead'
        )


def supervised_loss(
    head: BaseDecodeHead, logits: Tensor, labels: Tensor, weights: Tensor | None
) -> Tensor:
    """Return the sum of mmseg's losses of a decode head on logits (N, K, H, W)."""
    losses = head.loss_decode
    if head.sampler is not None:
        sampled = head.sampler.sample(logits, labels[:, None])
        weights = sampled if weights is None else sampled * weights
    return sum(
        loss(logits, labels, weight=weights, ignore_index=head.ignore_index)
        for loss in (losses if isinstance(losses, nn.ModuleList) else [losses])
    )
