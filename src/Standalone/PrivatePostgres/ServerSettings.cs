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

    /// <summary>As arguments of <c>postgres</c>.</summary>
    /// <param name="port">The loopback port.</param>
    /// <param name="durable">False only in tests.</param>
    public static IEnumerable<string> For(int port, bool durable)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Mebibyte / MemoryShare;
        var buffers = Math.Clamp(memory, LeastBuffersMebibytes, MostBuffersMebibytes);
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = "",
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
