"""Time a training step by its parts, relative to the segmentor alone as the lower bound."""

import math
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from mmengine.optim import OptimWrapperDict
from torch import nn

from mmseg_gl.models import UDASegmentor

GIB = 2**30
# Which memory layout of the images is faster depends on the processor and the precision.
LAYOUTS = {'contiguous': torch.contiguous_format, 'channels-last': torch.channels_last}


class StepBenchmark:
    """Times ``train_step`` and, alternating with it, forward and backward of the segmentor alone.

    Args:
        model: On its device, in train mode.
        optim_wrapper: The model's optimizers.
        data: One batch per domain in the format of ``train_step``; ``target`` only if the method
            uses it.
    """

    def __init__(
        self, model: UDASegmentor, optim_wrapper: OptimWrapperDict, data: dict[str, dict]
    ) -> None:
        self.model, self.optim_wrapper, self.data = model, optim_wrapper, data
        self.device = next(model.parameters()).device
        self.parts: defaultdict[str, float] = defaultdict(float)
        self.nested = 0
        for name, head in model.parts('heads').items():
            self.watch(head, 'forward', 'discriminators')
            if name in optim_wrapper:
                self.watch(optim_wrapper[name], 'backward', 'discriminators')
            for discriminator in getattr(head, 'discriminators', {}).values():
                self.watch_backward(discriminator)
        for loss in model.parts('source_losses').values():
            self.watch(loss, 'forward', 'source losses')
        for view in model.parts('views').values():
            self.watch(view, 'forward', 'views and their teacher')
        for teacher in model.teachers():
            self.watch(teacher, 'update_parameters', 'update of the teacher')
        for _, wrapper in optim_wrapper.items():
            self.watch(wrapper, 'step', 'optimizers')
            self.watch(wrapper, 'zero_grad', 'optimizers')

    def run(
        self, iters: int, warmup: int = 1, plain: Callable[[], float] | None = None
    ) -> dict[str, Any]:
        """Run the benchmark; all times are medians over ``iters`` iterations after ``warmup``.

        Args:
            iters: Timed iterations.
            warmup: Iterations before them.
            plain: Returns the seconds of another implementation of the floor; called before each
                iteration.

        Returns:
            Times in seconds: ``step_s``; ``floors_s``, forward and backward of the segmentor (up to
            its low-resolution logits) of every pass of the step, by memory layout of the images;
            ``layout``, the faster one, and ``floor_s``, its time; ``ratio``, the median of step /
            floor over the iterations; ``parts_s`` by name, of which the rest is a
            difference and can be negative by noise; and ``peak_memory_gib``, of the process
            (of the GPU if there is one). With ``plain``, also ``plain_floor_s`` and
            ``floor_over_plain``, the median of the ratio.
        """
        others, records = [], []
        for _ in range(warmup + iters):
            others.append(plain() if plain else math.nan)
            records.append(self.iteration())
        others, records = others[warmup:], records[warmup:]
        median = statistics.median
        floors = {
            layout: median(sum(floors[layout].values()) for floors, _, _ in records)
            for layout in LAYOUTS
        }
        layout = min(floors, key=lambda name: floors[name])
        seconds = [floors[layout] | parts for floors, parts, _ in records]
        parts = {name: median(record[name] for record in seconds) for name in seconds[0]}
        step = median(step for _, _, step in records)
        parts['upsampling, losses, rest'] = step - sum(parts.values())
        figures = dict(
            step_s=step,
            floors_s=floors,
            layout=layout,
            floor_s=floors[layout],
            ratio=median(step / sum(floors[layout].values()) for floors, _, step in records),
            parts_s=parts,
            peak_memory_gib=self.peak_memory() / GIB,
        )
        if plain:
            ratio = median(fastest(record[0]) / other for record, other in zip(records, others))
            figures.update(plain_floor_s=median(others), floor_over_plain=ratio)
        return figures

    def iteration(self) -> tuple[dict[str, dict[str, float]], dict[str, float], float]:
        """Return the floors, and the seconds of the other parts of a step and of the whole step."""
        floors = self.floors()
        self.parts.clear()
        begin = self.now()
        self.model.train_step(self.data, self.optim_wrapper)
        step = self.now() - begin
        return floors, dict(self.parts), step

    def floors(self) -> dict[str, dict[str, float]]:
        """Run :meth:`floor` for every layout; return the results by layout."""
        return {layout: self.floor(layout) for layout in LAYOUTS}

    def floor(self, layout: str) -> dict[str, float]:
        """Time the segmentor's forward and backward of every pass of a step, without an update."""
        record = {}
        segmentor = self.model.segmentor
        for name, domain in self.passes().items():
            images = self.model.data_preprocessor(self.data[domain], True)['inputs']
            images = images.contiguous(memory_format=LAYOUTS[layout])
            begin = self.now()
            with self.optim_wrapper['segmentor'].optim_context(segmentor):
                logits = segmentor.raw_logits(images)
            middle = self.now()
            torch.autograd.backward(logits, [torch.full_like(z, 1e-6) for z in logits])
            record[f'segmentor forward, {name}'] = middle - begin
            record[f'segmentor backward, {name}'] = self.now() - middle
            del logits
        segmentor.zero_grad()
        return record

    def passes(self) -> dict[str, str]:
        """Return the images that the segmentor learns in a step, and the domain of their size."""
        model = self.model
        passes = dict(source='source')
        if model.heads_on('target') or model.parts('target_losses'):
            passes['target'] = 'target'
        return passes | dict.fromkeys(model.parts('views'), 'target')

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Add the time of a method to a part; of nested watched calls only the outermost counts."""
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter()
            result = method(*args, **kwargs)
            self.leave(part)
            return result

        setattr(owner, name, timed)

    def watch_backward(self, module: nn.Module) -> None:
        module.register_full_backward_pre_hook(lambda *_: self.enter())
        module.register_full_backward_hook(lambda *_: self.leave('discriminators'))

    def enter(self) -> None:
        self.nested += 1
        if self.nested == 1:
            self.begin = self.now()

    def leave(self, part: str) -> None:
        self.nested -= 1
        if self.nested == 0:
            self.parts[part] += self.now() - self.begin

    def now(self) -> float:
        if self.device.type == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    def peak_memory(self) -> int:
        if self.device.type == 'cuda':
            return torch.cuda.max_memory_allocated()
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fastest(floors: dict[str, dict[str, float]]) -> float:
    """Return the seconds of the faster memory layout."""
    return min(sum(parts.values()) for parts in floors.values())
