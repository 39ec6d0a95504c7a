"""Settings of the C library's allocator that training on a CPU wants."""

import ctypes

# <malloc.h>
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def keep_freed_memory():
    """Make glibc keep freed memory for the next iteration instead of handing it back to the kernel.

    By default every large activation is a mapping of its own, which the kernel fills with zeros
    page by page each time. Does nothing where the C library is another one.

    Returns:
        bool: Whether it has been done.
    """
    try:
        mallopt = ctypes.CDLL('libc.so.6').mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
