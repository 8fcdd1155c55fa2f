using System.Globalization;
using System.Text;

namespace Tracking.Servers;

/// <summary>Processes that were started with a variable of a certain value, directly or by another such: each inherits
/// the variables of the one that started it.</summary>
public static class ProcessesOf
{
    /// <summary>Their ids, without our own.</summary>
    public static IReadOnlyList<int> Variable(string name, string value)
    {
        var sought = Encoding.UTF8.GetBytes($"{name}={value}\0");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
            .Where(id => id != 0 && id != Environment.ProcessId && Content(id, "environ").AsSpan().IndexOf(sought) >= 0)];
    }

    /// <summary>A variable that one was started with.</summary>
    public static string? Read(int id, string variable) => Encoding.UTF8.GetString(Content(id, "environ")).Split('\0')
        .Where(pair => pair.StartsWith(variable + "=", StringComparison.Ordinal))
        .Select(pair => pair[(variable.Length + 1)..]).FirstOrDefault();

    /// <summary>What one is called and was started with.</summary>
    public static string Describe(int id) => Encoding.UTF8.GetString(Content(id, "cmdline")).Replace('\0', ' ').Trim();

    /// <summary>The memory of one, in bytes; what it shares with others counts by its share.</summary>
    public static long Memory(int id) => Encoding.ASCII.GetString(Content(id, "smaps_rollup")).Split('\n')
        .Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
        .Sum(line => 1024 * long.Parse(line[4..^2].Trim(), CultureInfo.InvariantCulture));

    // Nothing, where it has ended in the meantime or is not ours to look at.
    private static byte[] Content(int id, string file)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{id}/{file}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
