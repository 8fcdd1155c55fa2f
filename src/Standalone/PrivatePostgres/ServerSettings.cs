using System.Globalization;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>The private server's settings. They are given at each start, so they follow the program's
/// version.</summary>
internal sealed record ServerSettings
{
    /// <summary>PostgreSQL's own default, enough for the default sizes of the pools.</summary>
    public const int UsualConnections = 100;

    private const long Mebibyte = 1024 * 1024;

    // PostgreSQL's documentation recommends a quarter of the memory on a machine of its own. Here the services share
    // the memory.
    private const int MemoryShare = 8;
    private const int LeastBuffersMebibytes = 64;
    private const int MostBuffersMebibytes = 1024;

    // PostgreSQL reserves three for superusers. The others are for the start, for psql and for a backup.
    private const int OtherConnections = 20;

    // PostgreSQL's default number in the socket's name.
    private const int UsualNumber = 5432;

    /// <summary>The most connections.</summary>
    public int Connections { get; init; } = UsualConnections;

    /// <summary>Whether committed data is forced to disk. False only in tests.</summary>
    public bool IsDurable { get; init; } = true;

    /// <summary>A loopback port beside the socket, for tests that cut TCP connections; otherwise none. Another user of
    /// the machine could take the port before us, but not a socket in our folder.</summary>
    public int? TestPort { get; init; }

    /// <summary>The number in the socket's name, which PostgreSQL's clients call the port.</summary>
    public int SocketNumber => TestPort ?? UsualNumber;

    /// <summary>The connections for pools of these sizes, and some for the operator.</summary>
    public static int ConnectionsFor(int pools) => Math.Max(UsualConnections, pools + OtherConnections);

    /// <summary>The settings as arguments of <c>postgres</c>.</summary>
    public IEnumerable<string> Arguments()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Mebibyte / MemoryShare;
        var buffers = Math.Clamp(memory, LeastBuffersMebibytes, MostBuffersMebibytes);
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = TestPort is null ? "" : "127.0.0.1",
            ["port"] = SocketNumber.ToString(CultureInfo.InvariantCulture),
            // In the cluster folder, which only its owner may enter.
            ["unix_socket_directories"] = LaunchPostgres.Folder,
            ["unix_socket_permissions"] = "0700",
            ["max_connections"] = Connections.ToString(CultureInfo.InvariantCulture),
            ["shared_buffers"] = string.Create(CultureInfo.InvariantCulture, $"{buffers}MB"),
            ["timezone"] = "UTC",
            // Statements here are short. Compiling them costs more than it saves.
            ["jit"] = "off",
            // Statement errors reach the caller as exceptions. In a log they would contain rows, and so recipients.
            ["log_min_messages"] = "log",
            ["log_min_error_statement"] = "panic",
            ["log_checkpoints"] = "off",
            ["log_line_prefix"] = "",
            ["logging_collector"] = "off",
            ["log_destination"] = "stderr",
        };
        if (!IsDurable)
        {
            settings["fsync"] = "off";
            settings["synchronous_commit"] = "off";
            settings["full_page_writes"] = "off";
            settings["shared_buffers"] = "64MB";

            // With a database for each test, PostgreSQL would start ten workers a second to look at them all.
            settings["autovacuum"] = "off";
        }

        return settings.SelectMany(setting => (string[])["-c", $"{setting.Key}={setting.Value}"]);
    }
}
