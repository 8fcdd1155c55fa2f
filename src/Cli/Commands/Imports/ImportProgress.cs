using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Imports;

/// <summary>
/// The progress of an import, in a file that is replaced as a whole after each stored batch. After a kill the import
/// continues after the last batch in the file. A stored batch that is not in the file is sent again, which has no
/// effect.
/// </summary>
internal sealed class ImportProgress
{
    private readonly string? _file;
    private readonly string _source;
    private readonly Dictionary<string, long> _positions;

    private ImportProgress(string? file, string source, Dictionary<string, long> positions) =>
        (_file, _source, _positions, HasBegun) = (file, source, positions, positions.Count > 0);

    /// <summary>Whether an earlier run has stored something.</summary>
    public bool HasBegun { get; }

    /// <summary>Reads the file of an earlier run.</summary>
    /// <param name="file">The file; <see langword="null"/> to keep no progress.</param>
    /// <param name="source">The source of the import.</param>
    /// <param name="terminal">Receives error messages about the file.</param>
    /// <returns><see langword="null"/> when the file is unreadable or belongs to another import.</returns>
    public static ImportProgress? Open(string? file, string source, Terminal terminal)
    {
        if (file is null || !File.Exists(file))
        {
            return new ImportProgress(file, source, []);
        }

        try
        {
            var json = JsonNode.Parse(File.ReadAllText(file));
            if ((string?)json?["source"] == source)
            {
                return new ImportProgress(
                    file, source, json!["positions"]!.Deserialize<Dictionary<string, long>>() ?? []);
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Handled like the file of another import.
        }

        terminal.Complain($"--progress: {file} is of another import, or its source has changed since. Name another file, "
            + "or delete it to start again. Links that are stored stay.");
        return null;
    }

    /// <summary>The position up to which a part of the source is stored.</summary>
    public long Of(string part) => _positions.GetValueOrDefault(part);

    /// <summary>Writes to the file that a part is stored up to a position.</summary>
    public void Set(string part, long position)
    {
        if (_file is null)
        {
            return;
        }

        _positions[part] = position;
        var beside = _file + ".new";
        File.WriteAllText(beside, new JsonObject
        {
            ["source"] = _source,
            ["positions"] = JsonSerializer.SerializeToNode(_positions),
        }.ToJsonString());
        File.Move(beside, _file, overwrite: true);
    }
}
