using Npgsql;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Renewal;

/// <summary>Asks a certificate's authority when to renew it (RFC 9773). The instant is chosen once for each window and
/// stored.</summary>
internal sealed class AskRenewal(NpgsqlDataSource dataSource, OpenAccounts accounts, TimeProvider time)
{
    // The pause after an authority that does not know the certificate or does not answer.
    private static readonly TimeSpan _again = TimeSpan.FromHours(6);

    private const string Keep =
        """
        UPDATE certificates.names SET
            renew_at = CASE WHEN window_start IS DISTINCT FROM $3 OR window_end IS DISTINCT FROM $4 THEN $5
                ELSE renew_at END,
            window_start = $3, window_end = $4, window_url = $6, window_asked_at = $7,
            due_at = least($8, CASE WHEN window_start IS DISTINCT FROM $3 OR window_end IS DISTINCT FROM $4 THEN $5
                ELSE renew_at END),
            leased_by = NULL, leased_until = NULL
        WHERE hostname = $1 AND leased_by = $2
        """;

    private const string Leave =
        """
        UPDATE certificates.names SET due_at = $3, window_asked_at = $4, leased_by = NULL, leased_until = NULL
        WHERE hostname = $1 AND leased_by = $2
        """;

    /// <summary>Asks the authority and stores the time of the renewal.</summary>
    /// <param name="name">The name, leased.</param>
    /// <param name="current">The certificate in use.</param>
    /// <param name="renewAt">The time of the renewal so far.</param>
    /// <param name="cancellationToken">Ends the question. It is asked again later.</param>
    public async Task RunAsync(
        LeasedName name, StoredCertificate current, DateTimeOffset renewAt, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (current.RenewalId is { } id && accounts.Find(current.Directory) is { } authority)
        {
            var answer = await accounts.Client(authority).ReadRenewalInformationAsync(id, cancellationToken);
            if (answer.Succeeded(out var window, out var problem))
            {
                var chosen = RenewalTime.Within(window.ChooseInstant(), current.NotBefore, current.NotAfter);
                await using var keep = dataSource.CreateCommand(Keep);
                Add(keep, name);
                keep.Parameters.Add(new() { Value = window.Start.UtcDateTime });
                keep.Parameters.Add(new() { Value = window.End.UtcDateTime });
                keep.Parameters.Add(new() { Value = chosen.UtcDateTime });
                keep.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = window.ExplanationUrl?.AbsoluteUri });
                keep.Parameters.Add(new() { Value = now.UtcDateTime });
                keep.Parameters.Add(new() { Value = (now + window.AskAgainAfter).UtcDateTime });
                await keep.ExecuteNonQueryAsync(cancellationToken);
                return;
            }

            if (problem.Type != AcmeProblemType.NotOffered)
            {
                await LeaveAsync(name, Earlier(renewAt, now + _again), now, cancellationToken);
                return;
            }
        }

        await LeaveAsync(name, renewAt, now, cancellationToken);
    }

    private async Task LeaveAsync(
        LeasedName name, DateTimeOffset dueAt, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var leave = dataSource.CreateCommand(Leave);
        Add(leave, name);
        leave.Parameters.Add(new() { Value = dueAt.UtcDateTime });
        leave.Parameters.Add(new() { Value = now.UtcDateTime });
        await leave.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void Add(NpgsqlCommand command, LeasedName name)
    {
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new() { Value = name.Lease });
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
