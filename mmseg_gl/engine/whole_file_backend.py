import os

from mmengine.fileio import LocalBackend, register_backend

from mmseg_gl.files import whole_file

WHOLE_FILES = dict(backend='whole_files')  # the ``backend_args`` of this backend


class WholeFileBackend(LocalBackend):
    """File backend of mmengine for local files that writes them atomically."""

    def put(self, obj: bytes, filepath: str | os.PathLike[str]) -> None:
        """Write bytes to a file; its folder must exist.

        Raises:
            UserError: When writing fails; a previous file of that name is kept.
        """
        advice = 'free disk space, then continue with --resume: earlier checkpoints are intact'
        with whole_file(str(filepath), advice) as file:
            file.write(obj)


register_backend(WHOLE_FILES['backend'], WholeFileBackend, force=True)
