using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// Applies the lists that an admin has sent (<c>trackctl lists</c>), or the operator's files, without a restart. A
/// version in the shadow state is compared with the rules in force, on recent events. The differences are written down
/// for the admin. When a version is put in force, its rules are written down before they are applied. A list that
/// cannot be read changes nothing. A file that is named in the configuration has priority over the lists that were
/// sent.
/// </summary>
internal sealed partial class FollowLists(
    ClassifyEvent classify,
    CompareRules compare,
    NpgsqlDataSource dataSource,
    IOptions<ClassificationOptions> options,
    TimeProvider time,
    ILogger<FollowLists> logger) : BackgroundService
{
    /// <summary>The name of the list of networks.</summary>
    public const string Networks = "networks";

    private const string Select =
        "SELECT name, version, state FROM ingest.lists WHERE state = 1 OR (state = 0 AND compared_at IS NULL)";

    private const string SelectContent = "SELECT content FROM ingest.lists WHERE name = $1 AND version = $2";

    private const string Compared =
        """
        UPDATE ingest.lists SET compared_at = now(), difference = $3::jsonb, state = $4
        WHERE name = $1 AND version = $2 AND state = 0
        """;

    private readonly Followed<CrawlerList> _crawlers = new(
        CrawlerList.Name, options.Value.CrawlersFile, CrawlerList.MostBytes,
        (bytes, version) => CrawlerList.Read(bytes, version));

    private readonly Followed<NetworkList> _networks = new(
        Networks, options.Value.NetworksFile, NetworkList.MostBytes,
        (bytes, _) => NetworkList.Read(new MemoryStream(bytes)));

    private bool _isKept;

    /// <summary>Reads the lists that have changed, and applies them.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable. The earlier rules stay in force.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var lists = await ListsAsync(cancellationToken);
        foreach (var (name, version, _) in lists.Where(list => !list.IsInForce))
        {
            await CompareAsync(name, version, cancellationToken);
        }

        var crawlers = await LookAsync(_crawlers, lists, cancellationToken);
        var networks = await LookAsync(_networks, lists, cancellationToken);
        if (_isKept && !crawlers && !networks)
        {
            return;
        }

        var rules = new RuleSet(_crawlers.Value ?? CrawlerList.Shipped, _networks.Value);
        await WriteAsync(dataSource, rules, cancellationToken);
        classify.Replace(rules);
        _isKept = true;
        _crawlers.Take();
        _networks.Take();
        LogRules(rules.Crawlers.Version, rules.Networks?.Version ?? "none");
    }

    /// <summary>Writes rules down, unless they are already there, so that the reasons of a verdict can be explained
    /// later.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
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

    private async Task<List<(string Name, string Version, bool IsInForce)>> ListsAsync(
        CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Select);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var lists = new List<(string Name, string Version, bool IsInForce)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            lists.Add((reader.GetString(0), reader.GetString(1), reader.GetInt16(2) == 1));
        }

        return lists;
    }

    private async Task CompareAsync(string name, string version, CancellationToken cancellationToken)
    {
        var (state, difference) = (0, "");
        try
        {
            var content = await ContentAsync(name, version, cancellationToken);
            using var networks = name == Networks ? NetworkList.Read(new MemoryStream(content)) : null;
            var rules = name switch
            {
                Networks => new RuleSet(classify.Rules.Crawlers, networks),
                CrawlerList.Name => new RuleSet(CrawlerList.Read(content, version), classify.Rules.Networks),
                _ => throw new FormatException($"There is no list {name}."),
            };
            difference = await compare.RunAsync(classify.Rules, rules, cancellationToken);
        }
        catch (FormatException refused)
        {
            (state, difference) = (3, JsonSerializer.Serialize(
                new { Refused = refused.Message }, ClusterSettings.Json));
        }

        await using var command = dataSource.CreateCommand(Compared);
        command.Parameters.Add(new() { Value = name });
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = difference });
        command.Parameters.Add(new() { Value = (short)state });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<byte[]> ContentAsync(string name, string version, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(SelectContent);
        command.Parameters.Add(new() { Value = name });
        command.Parameters.Add(new() { Value = version });
        return await command.ExecuteScalarAsync(cancellationToken) as byte[] ?? [];
    }

    private async Task<bool> LookAsync<T>(
        Followed<T> followed,
        List<(string Name, string Version, bool IsInForce)> lists,
        CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return followed.Path is not null
                ? followed.LookAtFile()
                : lists.Find(list => list.IsInForce && list.Name == followed.Name).Version is { } version
                    && await followed.LookAtAsync(
                        version, () => ContentAsync(followed.Name, version, cancellationToken));
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            followed.Take();
            LogNotRead(followed.Path ?? followed.Name, exception.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Events are classified with the list of crawlers {Crawlers} and the list of networks {Networks}")]
    private partial void LogRules(string crawlers, string networks);

    [LoggerMessage(Level = LogLevel.Warning, Message = "List {List} cannot be read, the earlier list stays: {Reason}")]
    private partial void LogNotRead(string list, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The lists for the classification are not applied yet and are tried again: {Reason}")]
    private partial void LogNotKept(string reason);

    // A list and the value that was read from it. If the database was unavailable, the value is applied at the next
    // check.
    private sealed class Followed<T>(string name, string? path, long mostBytes, Func<byte[], string?, T> read)
        where T : class
    {
        private string? _taken;
        private string? _seen;

        public string Name { get; } = name;

        public string? Path { get; } = string.IsNullOrEmpty(path) ? null : path;

        public T? Value { get; private set; }

        public bool LookAtFile()
        {
            var file = new FileInfo(Path!);
            var seen = file.Exists ? $"{file.LastWriteTimeUtc:O} {file.Length}" : "not there";
            if (_seen != seen)
            {
                // This is also set when the file cannot be read, so the fault is logged only once.
                _seen = seen;
                Value = file.Exists && file.Length > mostBytes
                    ? throw new FormatException($"It has {file.Length} bytes, {mostBytes} are the most.")
                    : read(File.ReadAllBytes(file.FullName), null);
            }

            return _seen != _taken;
        }

        public async Task<bool> LookAtAsync(string version, Func<Task<byte[]>> content)
        {
            if (_seen != version)
            {
                var bytes = await content();
                _seen = version;
                Value = read(bytes, version);
            }

            return _seen != _taken;
        }

        public void Take() => _taken = _seen;
    }
}
