using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Imports;

/// <summary>
/// The progress of an import, in a file that is replaced as a whole after each stored batch. After a kill the import
/// continues behind the last batch in the file. A stored batch that is not in the file is sent again, which has no
/// effect.
/// </summary>
internal sealed class ImportProgress
{
    private readonly string? _file;
    private readonly string _source;
    private readonly Dictionary<string, long> _positions;

    private ImportProgress(string? file, string source, Dictionary<string, long> positions) =>
        (_file, _source, _positions, HasBegun) = (file, source, positions, positions.Count > 0);

    /// <summary>Whether an earlier run came anywhere.</summary>
    public bool HasBegun { get; }

    /// <summary>Reads the file of an earlier run.</summary>
    /// <param name="file">The file; <see langword="null"/>: nothing is remembered.</param>
    /// <param name="source">What is imported.</param>
    /// <param name="terminal">Receives what is wrong with the file.</param>
    /// <returns><see langword="null"/> when the file is another import's.</returns>
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
            // As another import's file.
        }

        terminal.Complain($"--progress: {file} is of another import, or its source has changed since. Name another file, "
            + "or delete it to begin anew: what is stored stays as it is.");
        return null;
    }

    /// <summary>Where a part of the source was left.</summary>
    public long Of(string part) => _positions.GetValueOrDefault(part);

    /// <summary>Remembers that a part is stored up to a position.</summary>
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
