"""The command mmseg-gl of an installed package.

Outside of the package, because importing anything of it imports PyTorch and mmseg first.
"""

import difflib
import runpy
import signal
import sys
from importlib.metadata import version

TOOLS = {
    'train': 'train a config',
    'test': 'evaluate a checkpoint',
    'infer': 'segment images of any size',
    'embed': 'draw what a network makes of the pixels of both domains',
    'compare': 'train and test several configs with several seeds, and make a table of them',
    'plot': 'draw the curves of training runs',
    'run-recipe': 'run several stages in a row, e.g. all of BDL',
    'translate': "translate the source images into the target's style",
    'pseudo-label': "write pseudo labels for the target's training images",
    'publish': 'write the adapted segmentor alone, to predict with mmseg_gl.load or mmseg',
    'export-onnx': 'export a published network to ONNX',
    'convert-weights': "convert official weights to this library's names, and back",
    'make-street-scenes': 'draw the street scenes, a small benchmark',
    'browse': 'draw the first training pairs, as the network gets them',
    'benchmark': 'time the parts of a training step',
    'flops': 'count parameters and multiply-adds',
    'check-data': 'find missing and broken images and labels',
    'configs': 'list the shipped configs, show one in full, or copy one',
}
USAGE = 'mmseg-gl TOOL [arguments]; mmseg-gl TOOL --help lists them'


def main() -> int:
    """Run the tool that the command line names and return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of Ctrl-C while the libraries load
    given, *arguments = sys.argv[1:] or ['--help']
    tool = given.replace('_', '-')
    if given == '--version':
        print(version('mmseg-gl'))
    elif given in ('-h', '--help'):
        print(USAGE, '', *(f'  {name:20}{what}' for name, what in TOOLS.items()), sep='\n')
    elif tool in TOOLS:
        sys.argv = [f'mmseg-gl {tool}', *arguments]
        runpy.run_module(f'mmseg_gl.cli.{tool.replace("-", "_")}', run_name='__main__')
    else:
        match = difflib.get_close_matches(tool, TOOLS, n=1)
        hint = f'; did you mean {match[0]}?' if match else ''
        sys.stderr.write(f'error: there is no tool {given}{hint} (mmseg-gl --help lists them)\n')
        return 2
    return 0
