using System.Globalization;
using System.Text;

namespace Tracking.Servers;

/// <summary>Finds processes by the value of an environment variable. A process inherits the variables of the process
/// that started it.</summary>
public static class ProcessesOf
{
    /// <summary>The processes' ids, without our own.</summary>
    public static IReadOnlyList<int> Variable(string name, string value)
    {
        var sought = Encoding.UTF8.GetBytes($"{name}={value}\0");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
            .Where(id => id != 0 && id != Environment.ProcessId
                && Content(id, "environ").AsSpan().IndexOf(sought) >= 0)];
    }

    /// <summary>A variable of a process at its start.</summary>
    public static string? Read(int id, string variable) => Encoding.UTF8.GetString(Content(id, "environ")).Split('\0')
        .Where(pair => pair.StartsWith(variable + "=", StringComparison.Ordinal))
        .Select(pair => pair[(variable.Length + 1)..]).FirstOrDefault();

    /// <summary>The name and the arguments of a process.</summary>
    public static string Describe(int id) => Encoding.UTF8.GetString(Content(id, "cmdline")).Replace('\0', ' ').Trim();

    /// <summary>The memory of a process in bytes. Shared memory counts in proportion.</summary>
    public static long Memory(int id) => Encoding.ASCII.GetString(Content(id, "smaps_rollup")).Split('\n')
        .Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
        .Sum(line => 1024 * long.Parse(line[4..^2].Trim(), CultureInfo.InvariantCulture));

    // Empty for a process that has ended meanwhile, or that belongs to another user.
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
