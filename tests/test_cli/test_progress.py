from mmseg_gl.cli import progress


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    assert list(progress.progress('ab', 2)) == ['a', 'b']
    assert capsys.readouterr().out == ''  # it was quick
    monkeypatch.setattr(progress, 'LINE_INTERVAL', 0)
    assert list(progress.progress('ab', 2, 'labels')) == ['a', 'b']
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(', ')[0] for line in lines] == ['labels: 1/2', 'labels: 2/2']
    assert lines[-1].endswith('eta 00:00:00')
