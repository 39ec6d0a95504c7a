from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import torch
from mmengine.config import Config

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.step_setup import Size, build_benchmark
from mmseg_gl.experiments.step_timing import StepBenchmark, fastest
from mmseg_gl.models.decode_heads import deeplabv2_head

benchmark: StepBenchmark  # of the second process


class PlainFloor:
    """Second process that times the segmentor without the optimisations of this library.

    It has ordinary convolutions and the default memory allocator.

    Args:
        cfg: Config of a training run.
        sizes: Image size (width, height) by domain.
        batch_size: Number of images of each domain.
    """

    def __init__(self, cfg: Config, sizes: dict[str, Size], batch_size: int) -> None:
        self.pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))
        self.pool.submit(prepare, torch.get_num_threads(), cfg, sizes, batch_size).result()

    def measure(self) -> float:
        """Return the seconds of one forward and backward pass in the faster memory layout."""
        try:
            return self.pool.submit(fastest_floor).result()
        except BrokenProcessPool as error:
            raise UserError(
                'the second process of --plain died; is there enough memory for two?'
            ) from error

    def close(self) -> None:
        self.pool.shutdown()


def prepare(threads: int, *args) -> None:
    """Build the benchmark of the second process."""
    global benchmark
    torch.set_num_threads(threads)
    deeplabv2_head.summed_dilated_conv = lambda features, convs: sum(
        conv(features) for conv in convs
    )
    benchmark, _ = build_benchmark(*args)


def fastest_floor() -> float:
    return fastest(benchmark.floors())
