using System.Globalization;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>The private server's settings, given at each start, so that they follow the program's version.</summary>
internal static class ServerSettings
{
    private const long Mebibyte = 1024 * 1024;

    // A quarter of the memory is PostgreSQL's advice for a machine of its own; here the services share it.
    private const int MemoryShare = 8;
    private const int LeastBuffersMebibytes = 64;
    private const int MostBuffersMebibytes = 1024;

    /// <summary>PostgreSQL's own default: enough for the pools as they are by themselves.</summary>
    public const int UsualConnections = 100;

    // PostgreSQL keeps three for superusers; the rest is for the start, for psql and for a backup.
    private const int OtherConnections = 20;

    /// <summary>Connections for pools of these sizes, and some for whoever looks after the database.</summary>
    public static int ConnectionsFor(int pools) => Math.Max(UsualConnections, pools + OtherConnections);

    /// <summary>As arguments of <c>postgres</c>.</summary>
    /// <param name="port">The loopback port.</param>
    /// <param name="durable">False only in tests.</param>
    /// <param name="connections">Connections at most.</param>
    public static IEnumerable<string> For(int port, bool durable, int connections = UsualConnections)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Mebibyte / MemoryShare;
        var buffers = Math.Clamp(memory, LeastBuffersMebibytes, MostBuffersMebibytes);
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = "",
            ["max_connections"] = connections.ToString(CultureInfo.InvariantCulture),
            ["shared_buffers"] = string.Create(CultureInfo.InvariantCulture, $"{buffers}MB"),
            ["timezone"] = "UTC",
            // Statements here are short; compiling them costs more than it saves.
            ["jit"] = "off",
            // Statement errors reach the caller as exceptions. In a log they would carry rows, and with them
            // recipients.
            ["log_min_messages"] = "log",
            ["log_min_error_statement"] = "panic",
            ["log_checkpoints"] = "off",
            ["log_line_prefix"] = "",
            ["logging_collector"] = "off",
            ["log_destination"] = "stderr",
        };
        if (!durable)
        {
            settings["fsync"] = "off";
            settings["synchronous_commit"] = "off";
            settings["full_page_writes"] = "off";
            settings["shared_buffers"] = "64MB";
        }

        return settings.SelectMany(setting => (string[])["-c", $"{setting.Key}={setting.Value}"]);
    }
}
