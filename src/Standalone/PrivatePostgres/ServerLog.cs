namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// The server's standard error. Lines that an operator must see go to our log, and the others to its debug level. The
/// last lines are kept, because they tell why a server ended.
/// </summary>
internal sealed partial class ServerLog(ILogger logger)
{
    private const int Kept = 12;

    // Lines of every start. They do not tell why a server ended.
    private static readonly string[] _chatter =
    [
        "LOG:  starting PostgreSQL", "LOG:  listening on", "LOG:  database system was shut down",
        "LOG:  database system is ready", "FATAL:  the database system is starting up", "LOG:  redirecting",
    ];

    private readonly Queue<string> _last = new(Kept);
    private Task _reading = Task.CompletedTask;

    /// <summary>Reads until the server closes its standard error.</summary>
    /// <param name="lines">The server's standard error.</param>
    /// <param name="whileStarting">Whether the server is starting: refused connections are then our own attempts, and
    /// not news.</param>
    public void Read(StreamReader lines, Func<bool> whileStarting)
    {
        lock (_last)
        {
            _last.Clear();
        }

        _reading = Task.Run(async () =>
        {
            while (await lines.ReadLineAsync() is { } line)
            {
                Keep(line);
                if (!whileStarting() && (line.StartsWith("FATAL", StringComparison.Ordinal)
                    || line.StartsWith("PANIC", StringComparison.Ordinal)))
                {
                    LogTrouble(line);
                }
                else
                {
                    LogSaid(line);
                }
            }
        });
    }

    /// <summary>The last lines as one line, without those of an ordinary start.</summary>
    public string Tail()
    {
        var telling = Lines().Where(line => !_chatter.Any(c => line.StartsWith(c, StringComparison.Ordinal))).ToList();
        return telling.Count == 0
            ? "it wrote no reason."
            : string.Join(" ", telling.Select(line => line.Replace(":  ", ": ", StringComparison.Ordinal)));
    }

    private string[] Lines()
    {
        // The server has ended, but its last lines may still arrive.
        _reading.Wait(TimeSpan.FromSeconds(1));
        lock (_last)
        {
            return [.. _last];
        }
    }

    private void Keep(string line)
    {
        lock (_last)
        {
            if (_last.Count == Kept)
            {
                _last.Dequeue();
            }

            _last.Enqueue(line);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL says: {Line}")]
    private partial void LogTrouble(string line);

    [LoggerMessage(Level = LogLevel.Debug, Message = "PostgreSQL says: {Line}")]
    private partial void LogSaid(string line);
}
