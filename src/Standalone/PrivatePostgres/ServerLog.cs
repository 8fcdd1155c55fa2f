namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// What the server writes to its standard error. What an operator must see goes to our log, the rest to its debug
/// level; the last lines are kept, to tell why a server ended.
/// </summary>
internal sealed partial class ServerLog(ILogger logger)
{
    private const int Kept = 12;

    // What every start says; none of it tells why a server ended.
    private static readonly string[] Chatter =
    [
        "LOG:  starting PostgreSQL", "LOG:  listening on", "LOG:  database system was shut down",
        "LOG:  database system is ready", "FATAL:  the database system is starting up", "LOG:  redirecting",
    ];

    private readonly Queue<string> _last = new(Kept);
    private Task _reading = Task.CompletedTask;

    /// <summary>Reads until the server closes it.</summary>
    /// <param name="lines">The server's standard error.</param>
    /// <param name="whileStarting">Then refused connections are our own attempts to reach it, not news.</param>
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

    /// <summary>The last lines in one, without the chatter of an ordinary start.</summary>
    public string Tail()
    {
        var telling = Lines().Where(line => !Chatter.Any(c => line.StartsWith(c, StringComparison.Ordinal))).ToList();
        return telling.Count == 0
            ? "it did not say why."
            : string.Join(" ", telling.Select(line => line.Replace(":  ", ": ", StringComparison.Ordinal)));
    }

    private string[] Lines()
    {
        // The server has ended, but its last lines may still be on their way.
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
