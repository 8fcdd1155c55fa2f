using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>
/// Whether the system host has lost its certificate: it had one from an authority, and the last one has ended or was
/// revoked. Links on it would be dead, so new mail is better off with plain ones. A system host whose certificate comes
/// from elsewhere has none here and loses none.
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

    /// <summary>Whether it is lost, as was read last.</summary>
    public bool IsLost => Interlocked.Read(ref _until) <= time.GetUtcNow().UtcTicks;

    /// <summary>Reads it again.</summary>
    /// <exception cref="NpgsqlException">The database is away; what was read last holds.</exception>
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
