from mmengine.fileio import LocalBackend, register_backend

from mmseg_gl.files import whole_file

WHOLE_FILES = dict(backend='whole_files')  # the ``backend_args`` of this backend


class WholeFileBackend(LocalBackend):
    """mmengine's local files, except that a file is there complete or not at all."""

    def put(self, obj, filepath):
        """Write bytes to a file; its folder must exist.

        Raises:
            UserError: When that fails; an earlier file of that name is kept.
        """
        advice = 'make room, then go on with --resume: the checkpoints before it are whole'
        with whole_file(filepath, advice) as file:
            file.write(obj)


register_backend(WHOLE_FILES['backend'], WholeFileBackend, force=True)
