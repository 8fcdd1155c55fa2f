using System.Xml.Linq;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Console.Session;

namespace Tracking.Management.Keys;

/// <summary>
/// After a rotation of the master key, seals again the keys that are sealed under the previous version: signing keys,
/// and the keys of the console's sessions. Meanwhile every process can open both. Each row is changed by its own
/// statement, which takes effect only if the row is still as it was read. If a process dies, the rows that it changed
/// stay changed, and the next process continues.
/// </summary>
internal sealed partial class ResealSigningKeys(
    ApiDataSource dataSource,
    MasterKey masterKey,
    IOptions<SystemOptions> system,
    TimeProvider time,
    ILogger<ResealSigningKeys> logger) : BackgroundService
{
    // A process that still has the earlier settings may seal under the previous version.
    private static readonly TimeSpan _again = TimeSpan.FromHours(1);
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);

    /// <summary>Seals again all keys that are sealed under the other version.</summary>
    /// <returns>The number of keys that were sealed again.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var resealed = 0;
        foreach (var (version, key) in await SealedByMasterKey.SigningKeysAsync(dataSource, cancellationToken))
        {
            if (masterKey.Reseal(key, SigningKeyRing.Purpose(version)) is { } again)
            {
                resealed += await WriteAsync(
                    "UPDATE links.signing_keys SET sealed = $3 WHERE version = $1 AND sealed = $2",
                    version, key, again, cancellationToken);
            }
        }

        foreach (var (id, xml) in await SealedByMasterKey.SessionKeysAsync(dataSource, cancellationToken))
        {
            var document = XElement.Parse(xml);
            if (SealXml.Find(document) is { } element
                && masterKey.Reseal(Convert.FromBase64String(element.Value), SealXml.Purpose) is { } again)
            {
                element.Value = Convert.ToBase64String(again);
                resealed += await WriteAsync(
                    "UPDATE management.data_protection_keys SET xml = $3 WHERE id = $1 AND xml = $2",
                    id, xml, document.ToString(SaveOptions.DisableFormatting), cancellationToken);
            }
        }

        return resealed;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (system.Value.OtherMasterKeyVersion < system.Value.MasterKeyVersion
            && !stoppingToken.IsCancellationRequested)
        {
            var pause = _again;
            try
            {
                if (await RunAsync(stoppingToken) is > 0 and var resealed)
                {
                    LogResealed(resealed, system.Value.MasterKeyVersion);
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

    private async Task<int> WriteAsync(
        string sql, object id, object before, object after, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = before });
        command.Parameters.Add(new() { Value = after });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information,
        "{Keys} keys were sealed again under version {Version} of the master key; trackctl master-key shows the rest")]
    private partial void LogResealed(int keys, int version);

    [LoggerMessage(LogLevel.Warning, "Keys were not sealed again, the database is unavailable: {Reason}")]
    private partial void LogStoreAway(string reason);
}
