using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>
/// Tells whether the system host has lost its certificate: it had one from an authority, and the last one has expired
/// or was revoked. Tracked links on the host would not work, so links in new mail stay plain. A system host whose
/// certificate is managed elsewhere never counts as lost.
/// </summary>
public sealed class SystemHostCertificate(
    NpgsqlDataSource dataSource, IOptions<SystemOptions> options, TimeProvider time)
{
    private const string Select =
        """
        SELECT max(least(not_after, revoked_at)) FROM certificates.issued
        WHERE hostname = $1 AND cluster_id IS NULL
        """;

    private long _until = long.MaxValue;

    /// <summary>Whether the certificate was lost at the last read or has expired since.</summary>
    public bool IsLost => Interlocked.Read(ref _until) <= time.GetUtcNow().UtcTicks;

    /// <summary>Reads the state again.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable. The last state stays.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var system = options.Value;
        if (system.SystemScheme != "https" || system.TlsEndsInFront
            || !HostName.TryParse(system.SystemHost, out var host))
        {
            return;
        }

        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new() { Value = host.Value });
        Interlocked.Exchange(
            ref _until,
            await command.ExecuteScalarAsync(cancellationToken) is DateTime until ? until.Ticks : long.MaxValue);
    }
}
