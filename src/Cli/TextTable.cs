namespace Tracking.Cli;

/// <summary>Columns that line up.</summary>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [];
    private readonly HashSet<int> _right = [];

    /// <summary>Numbers line up at their last digit.</summary>
    public TextTable Right(params int[] columns)
    {
        _right.UnionWith(columns);
        return this;
    }

    /// <summary>Adds a row, one text per heading.</summary>
    public void Add(params string?[] cells) => _rows.Add([.. cells.Select(cell => Terminal.Clean(cell ?? "-"))]);

    /// <summary>Writes headings and rows.</summary>
    public void WriteTo(Terminal terminal)
    {
        var widths = headings.Select((heading, column) =>
            _rows.Select(row => row[column].Length).Append(heading.Length).Max()).ToArray();
        foreach (var row in _rows.Prepend(headings))
        {
            terminal.Line(string.Join("  ", row.Select((cell, column) => _right.Contains(column)
                ? cell.PadLeft(widths[column])
                : cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
