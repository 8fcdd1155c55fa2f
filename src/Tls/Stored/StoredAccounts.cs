using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Tls.Challenges;

namespace Tracking.Tls.Stored;

/// <summary>
/// The facts for answering challenges: the thumbprints of our accounts, and the names whose open challenge is not an
/// http-01 of the first account. Both are few. They are read at start, when a name changes, and every 30 s. While the
/// database is away, the last read facts are used.
/// </summary>
internal sealed partial class StoredAccounts(
    NpgsqlDataSource dataSource, TimeProvider time, ILogger<StoredAccounts> logger)
    : BackgroundService, IChallengeThumbprints, IChallengeCertificates
{
    private static readonly TimeSpan _refresh = TimeSpan.FromSeconds(30);

    private const string SelectAccounts =
        "SELECT directory, thumbprint FROM certificates.accounts ORDER BY rank, directory";

    private const string SelectChallenges =
        """
        SELECT hostname, challenge_token, challenge_type, order_directory, challenge_thumbprint
        FROM certificates.names WHERE challenge_token IS NOT NULL
        UNION ALL
        SELECT hostname, challenge_token, challenge_type, directory, challenge_thumbprint
        FROM certificates.requests WHERE challenge_token IS NOT NULL
        """;

    private readonly CallToWork _requested = new();
    private volatile Known _known = new([], FrozenDictionary<string, OpenChallenge[]>.Empty);

    /// <summary>Reads again as soon as possible.</summary>
    public void RequestNow() => _requested.Call();

    /// <inheritdoc/>
    public string? Find(HostName name, string token)
    {
        var known = _known;
        return Array.Find(Open(known, name), open => open.Token == token)?.Thumbprint
            ?? (known.Thumbprints is [var first, ..] ? first : null);
    }

    /// <inheritdoc/>
    public ValueTask<X509Certificate2?> FindAsync(HostName name, CancellationToken cancellationToken) => new(
        Array.FindLast(Open(_known, name), open => open.IsTlsAlpn) is { } open
            ? TlsAlpnCertificate.Create(name, KeyAuthorization.Of(open.Token, open.Thumbprint), time)
            : null);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await _requested.WaitAsync(_refresh, time, stoppingToken);
            await RefreshAsync(stoppingToken);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var batch = dataSource.CreateBatch();
            batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectAccounts));
            batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectChallenges));
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            var thumbprints = new List<(string Directory, string Thumbprint)>();
            while (await reader.ReadAsync(cancellationToken))
            {
                thumbprints.Add((reader.GetString(0), reader.GetString(1)));
            }

            await reader.NextResultAsync(cancellationToken);
            var open = new List<(string Name, OpenChallenge Challenge)>();
            while (await reader.ReadAsync(cancellationToken))
            {
                var directory = reader.IsDBNull(3) ? null : reader.GetString(3);
                var thumbprint = reader.IsDBNull(4)
                    ? thumbprints.FirstOrDefault(account => account.Directory == directory).Thumbprint
                    : reader.GetString(4);
                if (thumbprint is not null)
                {
                    open.Add((
                        reader.GetString(0),
                        new OpenChallenge(reader.GetString(1), thumbprint, reader.GetInt16(2) == TlsAlpn)));
                }
            }

            _known = new Known(
                [.. thumbprints.Select(account => account.Thumbprint)],
                open.GroupBy(each => each.Name, StringComparer.Ordinal).ToFrozenDictionary(
                    name => name.Key, name => name.Select(each => each.Challenge).ToArray(), StringComparer.Ordinal));
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            LogAway(exception.Message);
        }
    }

    private static OpenChallenge[] Open(Known known, HostName name) =>
        known.Challenges.TryGetValue(name.Value, out var open) ? open : [];

    // The value is in the form of the certificate service.
    private const short TlsAlpn = 2;

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Accounts at certificate authorities stay as they were, because the database is away: {Reason}")]
    private partial void LogAway(string reason);

    private sealed record Known(
        IReadOnlyList<string> Thumbprints, FrozenDictionary<string, OpenChallenge[]> Challenges);

    private sealed record OpenChallenge(string Token, string Thumbprint, bool IsTlsAlpn);
}
