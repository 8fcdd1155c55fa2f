using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// Reads the operator's lists, and reads them again when their files change: no restart. A new version first judges in
/// the shadow every user agent that was met lately, and the log says whom it calls something else; then its rules are
/// written down, and then it counts. A file that cannot be read changes nothing.
/// </summary>
internal sealed partial class FollowLists(
    ClassifyEvent classify,
    NpgsqlDataSource dataSource,
    IOptions<ClassificationOptions> options,
    TimeProvider time,
    ILogger<FollowLists> logger) : BackgroundService
{
    private const int MostNamed = 20;

    private readonly Followed<CrawlerList> _crawlers = new(options.Value.CrawlersFile, CrawlerList.MostBytes);
    private readonly Followed<NetworkList> _networks = new(options.Value.NetworksFile, NetworkList.MostBytes);
    private bool _isKept;

    /// <summary>Reads what has changed, and takes it.</summary>
    /// <exception cref="NpgsqlException">The database is away: the rules before it stay in force.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var rules = classify.Rules;
        var crawlers = Look(_crawlers, file =>
        {
            using var bytes = new MemoryStream();
            file.CopyTo(bytes);
            return CrawlerList.Read(bytes.ToArray());
        });
        var networks = Look(_networks, NetworkList.Read);
        if (crawlers || networks)
        {
            rules = new RuleSet(_crawlers.Value ?? CrawlerList.Shipped, _networks.Value);
            Compare(rules);
        }
        else if (_isKept)
        {
            return;
        }

        await WriteAsync(dataSource, rules, cancellationToken);
        _isKept = true;
        classify.Replace(rules);
        _crawlers.Take();
        _networks.Take();
    }

    /// <summary>Writes rules down, unless they are there: so that it can be said later what a verdict rested on.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public static async Task WriteAsync(NpgsqlDataSource dataSource, RuleSet rules, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "INSERT INTO ingest.rule_sets (number, content) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING");
        command.Parameters.Add(new() { Value = rules.Number });
        command.Parameters.Add(new() { Value = rules.Content });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.ListsInterval, time);
        do
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotKept(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private bool Look<T>(Followed<T> followed, Func<Stream, T> read)
        where T : class
    {
        try
        {
            return followed.Look(read);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            followed.Take();
            LogNotRead(followed.Path!, exception.Message);
            return false;
        }
    }

    private void Compare(RuleSet rules)
    {
        var (met, changed) = (0, 0);
        foreach (var known in classify.Remembered)
        {
            met++;
            var (before, after) = (known.For(LinkKind.Click), new KnownAgent(
                known.Received, known.Text, rules,
                JudgeAgent.Run(Encoding.Latin1.GetString(known.Received), rules.Crawlers)).For(LinkKind.Click));
            if (before.Verdict != after.Verdict && ++changed <= MostNamed)
            {
                // The program and no more: what a browser says of its user stays out of the log.
                LogDifference(before.Evidence[0].Code, before.Verdict, after.Evidence[0].Code, after.Verdict);
            }
        }

        LogNewRules(rules.Crawlers.Version, rules.Networks?.Version ?? "none", met, changed);
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "New lists count from now on: crawlers {Crawlers}, networks {Networks}. Of {Met} user agents that were met "
            + "lately {Changed} are called something else")]
    private partial void LogNewRules(string crawlers, string networks, int met, int changed);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "By the new list a user agent that was {Before} ({VerdictBefore}) is {After} ({VerdictAfter})")]
    private partial void LogDifference(string before, Verdict verdictBefore, string after, Verdict verdictAfter);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} is not taken, what was read before stays: {Reason}")]
    private partial void LogNotRead(string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The rules that verdicts rest on are not written down yet, the next attempt comes: {Reason}")]
    private partial void LogNotKept(string reason);

    // A file and what was read of it. What is not taken is looked at again.
    private sealed class Followed<T>(string? path, long mostBytes)
        where T : class
    {
        private (DateTime, long) _taken;
        private (DateTime, long) _seen;

        public string? Path { get; } = string.IsNullOrEmpty(path) ? null : path;

        public T? Value { get; private set; }

        public bool Look(Func<Stream, T> read)
        {
            if (Path is null || new FileInfo(Path) is var file
                && (_seen == (file.LastWriteTimeUtc, file.Exists ? file.Length : -1)))
            {
                return _seen != _taken && Value is not null;
            }

            // Seen even when it cannot be read: it is complained of once.
            _seen = (file.LastWriteTimeUtc, file.Exists ? file.Length : -1);
            if (file.Exists && file.Length > mostBytes)
            {
                throw new FormatException($"It has {file.Length} bytes, {mostBytes} are the most.");
            }

            using var stream = file.OpenRead();
            Value = read(stream);
            return true;
        }

        public void Take() => _taken = _seen;
    }
}
