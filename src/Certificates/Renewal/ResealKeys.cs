using System.Buffers.Binary;
using Npgsql;
using Tracking.Database;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Renewal;

/// <summary>
/// After a rotation of the master key, seals the keys of certificates, accounts and open orders under the new version.
/// Gateways read both versions meanwhile. Each row is one statement that changes the row only if it is still as it was
/// read. So a process that dies leaves finished rows, and the next process continues.
/// </summary>
internal sealed partial class ResealKeys(
    NpgsqlDataSource dataSource, MasterKeys masterKeys, TimeProvider time, ILogger<ResealKeys> logger)
    : BackgroundService
{
    // A process with the former settings may still seal keys under the old version.
    private static readonly TimeSpan _again = TimeSpan.FromHours(1);
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);
    private const int Page = 500;

    // The places of keys: the table, the column of the row's id, and the column of the sealed key.
    private static readonly (string Table, string Id, string Key)[] _places =
    [
        ("certificates.issued", "id", "sealed_key"),
        ("certificates.accounts", "id", "sealed_key"),
        ("certificates.accounts", "id", "new_sealed_key"),
        ("certificates.names", "order_id", "order_sealed_key"),
    ];

    /// <summary>Seals all keys again that are sealed under an older version.</summary>
    /// <returns>The number of resealed keys, and the number of keys that could not be opened.</returns>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<(int Resealed, int Unreadable)> RunAsync(CancellationToken cancellationToken)
    {
        var (resealed, unreadable) = (0, 0);
        foreach (var older in masterKeys.Older)
        {
            foreach (var place in _places)
            {
                var after = Guid.Empty;
                while (await ReadAsync(place, older, after, cancellationToken) is { Count: > 0 } page)
                {
                    foreach (var (id, key) in page)
                    {
                        if (SealedKey.Reseal(masterKeys, id, key) is not { } again)
                        {
                            unreadable++;
                            continue;
                        }

                        resealed += await WriteAsync(place, id, key, again, cancellationToken);
                    }

                    after = page[^1].Id;
                }
            }
        }

        return (resealed, unreadable);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (masterKeys.Older.Any() && !stoppingToken.IsCancellationRequested)
        {
            var pause = _again;
            try
            {
                var (resealed, unreadable) = await RunAsync(stoppingToken);
                if (resealed > 0)
                {
                    LogResealed(resealed, masterKeys.Sealing.Version);
                }

                if (unreadable > 0)
                {
                    LogUnreadable(unreadable);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
            {
                LogStoreAway(exception.Message);
                pause = _pause;
            }

            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<List<(Guid Id, byte[] Key)>> ReadAsync(
        (string Table, string Id, string Key) place, int version, Guid after, CancellationToken cancellationToken)
    {
        // The names of tables and columns are the constants above.
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT {place.Id}, {place.Key} FROM {place.Table}
            WHERE substring({place.Key} FROM 1 FOR 4) = $1 AND {place.Id} > $2
            ORDER BY {place.Id} LIMIT {Page}
            """);
        var header = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(header, (uint)version);
        command.Parameters.Add(new() { Value = header });
        command.Parameters.Add(new() { Value = after });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var page = new List<(Guid, byte[])>();
        while (await reader.ReadAsync(cancellationToken))
        {
            page.Add((reader.GetGuid(0), reader.GetFieldValue<byte[]>(1)));
        }

        return page;
    }

    private async Task<int> WriteAsync(
        (string Table, string Id, string Key) place, Guid id, byte[] before, byte[] after,
        CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"UPDATE {place.Table} SET {place.Key} = $3 WHERE {place.Id} = $1 AND {place.Key} = $2");
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = before });
        command.Parameters.Add(new() { Value = after });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information,
        "{Keys} keys were sealed again under version {Version} of the master key; trackctl master-key shows the rest")]
    private partial void LogResealed(int keys, int version);

    [LoggerMessage(LogLevel.Error,
        "{Keys} keys cannot be opened. Is the other master key really the previous one? The keys stay unchanged")]
    private partial void LogUnreadable(int keys);

    [LoggerMessage(LogLevel.Warning, "Keys wait to be sealed again, because the database is away: {Reason}")]
    private partial void LogStoreAway(string reason);
}
