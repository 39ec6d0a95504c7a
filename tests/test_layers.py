"""Modules import only from their own layer and those below, and none imports itself round about."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / 'mmseg_gl'
LAYERS = (  # the lowest first
    *('errors', 'files', 'weights', 'datasets', 'models', 'visualization', 'engine', 'evaluation'),
    *('config', 'deployment', 'experiments', 'street_scenes', 'cli'),
)


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports_of(path, modules):
    """Return the modules of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('mmseg_gl'):
            names = [f'{node.module}.{alias.name}' for alias in node.names]
            found |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith('mmseg_gl.')}
    return found


def test_imports_go_down():
    modules = {name_of(path): path for path in PACKAGE.rglob('*.py')}
    graph = {name: imports_of(path, modules) for name, path in modules.items()}
    graph.pop('mmseg_gl')  # imports what registers itself
    for name, others in graph.items():
        for other in others:
            if other != 'mmseg_gl':
                layers = [LAYERS.index(module.split('.')[1]) for module in (name, other)]
                assert layers[0] >= layers[1], f'{name} imports {other}'
    TopologicalSorter(graph).prepare()  # raises an error about a cycle
