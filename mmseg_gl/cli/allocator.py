"""Settings of glibc's memory allocator for training on a CPU."""

import ctypes

# <malloc.h>
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for the next iteration instead of returning it to the kernel.

    By default every large activation gets a mapping of its own, which the kernel fills with zeros
    page by page each time. Other C libraries are left as they are.

    Returns:
        Whether the settings were changed.
    """
    try:
        mallopt = ctypes.CDLL('libc.so.6').mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
