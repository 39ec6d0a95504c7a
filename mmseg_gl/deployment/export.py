"""Exported networks: ONNX and PyTorch's own format, and how much they differ from the original."""

import io
import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.export import Dim, ExportedProgram

from mmseg_gl.deployment.exportable_segmentor import ExportableSegmentor, log_probabilities
from mmseg_gl.deployment.predictor import Predictor
from mmseg_gl.errors import UserError, in_short

INPUT, OUTPUTS = 'images', ('logits', 'labels')
# Largest difference of a logit, relative to the largest logit, and least share of equal labels.
# Other runtimes sum in another order; where two classes are equally likely, the label can change.
MAX_DIFFERENCE, MIN_AGREEMENT = 1e-3, 0.999
Network = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass
class Agreement:
    """How an exported network agrees with PyTorch on some images.

    Attributes:
        shape: Of the images, (N, 3, H, W).
        difference: Largest difference of a logit.
        largest: Largest absolute logit.
        labels: Share of the pixels with the same label, from 0 to 1.
    """

    shape: tuple[int, ...]
    difference: float
    largest: float
    labels: float

    def is_good(self) -> bool:
        close = self.difference <= MAX_DIFFERENCE * self.largest
        return close and self.labels >= MIN_AGREEMENT

    def __str__(self) -> str:
        number, _, height, width = self.shape
        return (
            f'{number} x {height}x{width}: {100 * self.labels:.3f} % of the labels are equal, '
            f'logits differ by up to {self.difference:.1g} (largest logit: {self.largest:.3g})'
        )


def export(predictor: Predictor, size: tuple[int, int], fixed: bool = False) -> ExportedProgram:
    """Export the network of a predictor; see :class:`ExportableSegmentor` for what it computes.

    Args:
        predictor: On the CPU.
        size: Height and width of the example images.
        fixed: Export for this height and width only, as for every network that cuts images into
            windows; the number of images stays open.

    Raises:
        UserError: If the network cannot be exported.
    """
    network = ExportableSegmentor(predictor.segmentor)
    fixed = fixed or network.has_windows
    side = Dim.STATIC if fixed else Dim.AUTO  # AUTO: any size, unless the network's code fixes it
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return torch.export.export(
                network,
                (torch.zeros(2, 3, *size),),
                dynamic_shapes=({0: Dim.AUTO, 2: side, 3: side},),
            )
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f'PyTorch cannot export this network for {size[0]}x{size[1]} pixels ({in_short(error)})'
            '; try --fixed-size, or another --size'
        ) from error


def is_dynamic(program: ExportedProgram) -> tuple[bool, bool]:
    """Return whether the number of images, and their height and width, may vary."""
    (images,) = (node for node in program.graph.nodes if node.name == INPUT)
    number, _, *sides = (not isinstance(side, int) for side in images.meta['val'].shape)
    return number, all(sides)


def to_onnx(program: ExportedProgram, opset: int | None, about: dict[str, object]) -> bytes:
    """Convert an exported network to ONNX.

    Args:
        program: Output of :func:`export`.
        opset: Version of ONNX's operators; None takes PyTorch's default.
        about: Facts that are stored in the file as JSON, by name.

    Raises:
        UserError: If ONNX has no operator for a part of the network.
    """
    import onnx

    loggers = [logging.getLogger(name) for name in ('onnxscript', 'onnx_ir', 'torch.onnx')]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            converted = torch.onnx.export(
                program,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                opset_version=opset,
                dynamo=True,
                verbose=False,
            )
            model = converted.model_proto
    except Exception as error:
        raise UserError(f'the network cannot be converted to ONNX ({in_short(error)})') from error
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in about.items()})
    return model.SerializeToString()


def to_torch(program: ExportedProgram, about: dict[str, object]) -> bytes:
    """Return the bytes of a file for ``torch.export.load``.

    Raises:
        UserError: If PyTorch cannot write the network.
    """
    file = io.BytesIO()
    extra = {f'{name}.json': json.dumps(value) for name, value in about.items()}
    try:
        torch.export.save(program, file, extra_files=extra)
    except Exception as error:
        raise UserError(
            f'PyTorch cannot write this network ({in_short(error)}); try --fixed-size'
        ) from error
    return file.getvalue()


def onnx_network(content: bytes) -> Network:
    """Return a network that onnxruntime runs on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])

    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, labels = session.run(list(OUTPUTS), {INPUT: images.numpy()})
        return torch.from_numpy(logits), torch.from_numpy(labels)

    return run


def torch_network(content: bytes) -> Network:
    """Return a network that PyTorch runs.

    Its guards are off: some refuse a single image, since the example had two.
    """
    return torch.export.load(io.BytesIO(content)).module(check_guards=False)


@torch.no_grad()
def agreement(predictor: Predictor, network: Network, shape: tuple[int, ...]) -> Agreement:
    """Compare an exported network with what the predictor's segmentor predicts.

    Args:
        predictor: On the CPU.
        network: The exported network.
        shape: Shape of the images, (N, 3, H, W): smooth blots of random colours.

    Raises:
        UserError: If the exported network does not take such images.
    """
    generator = torch.Generator().manual_seed(0)
    number, _, *size = shape
    blots = torch.rand(number, 3, 9, 9, generator=generator) * 255
    images = resize(blots, size=size, mode='bilinear', align_corners=False).byte()
    try:
        logits, labels = network(images.float())
    except Exception as error:
        raise UserError(
            f'the exported network cannot take {number} images of {size[0]}x{size[1]} pixels '
            f'({in_short(error)}); try --fixed-size'
        ) from error
    data = dict(
        inputs=[image.flip(0) for image in images],  # BGR
        data_samples=[
            SegDataSample(metainfo=dict(ori_shape=tuple(size), img_shape=tuple(size)))
            for _ in images
        ],
    )
    samples = predictor.segmentor.test_step(data)
    expected = torch.stack([sample.seg_logits.data for sample in samples])
    if predictor.segmentor.upsample == 'probabilities':
        expected = log_probabilities(expected)
    expected_labels = torch.cat([sample.pred_sem_seg.data for sample in samples])
    return Agreement(
        shape,
        difference=float((logits - expected).abs().max()),
        largest=float(expected.abs().max()),
        labels=float((labels == expected_labels).double().mean()),
    )


def second_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return another size to compare at: about three quarters, in multiples of eight pixels."""
    height, width = (max(side * 3 // 4 // 8 * 8, 8) for side in size)
    return height, width
