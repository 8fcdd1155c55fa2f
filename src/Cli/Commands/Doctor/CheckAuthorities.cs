using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using DnsClient;
using DnsClient.Protocol;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>
/// Checks whether the configured certificate authorities answer, and whether CAA (RFC 8659) allows them to issue for
/// the system host and for customers' names. For a customer's name an authority reads the CAA records of the
/// verification target, but never those of the target's parents. So the wildcard itself needs the records.
/// </summary>
internal static class CheckAuthorities
{
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(15);

    /// <summary>Checks each authority.</summary>
    public static async Task<IReadOnlyList<DoctorRow>> RunAsync(
        AskDns dns, DoctorSettings settings, CancellationToken cancellationToken)
    {
        if (settings.Authorities.Count == 0)
        {
            return
            [
                new DoctorRow(
                    "authority", "certificates", RowState.Skipped,
                    "none are ordered, Tracking__Certificates__Authorities__0__Directory is not set"),
            ];
        }

        var rows = new List<DoctorRow>();
        var atTarget = await dns.AskAsync(
            CheckNames.RandomTarget(settings.Zone), QueryType.CAA, cancellationToken);
        var (foundAt, atHost) = await ClimbAsync(dns, settings.SystemHost.Value, cancellationToken);
        foreach (var authority in settings.Authorities)
        {
            var (identities, failure) = await IdentitiesAsync(authority, cancellationToken);
            if (failure is not null)
            {
                rows.Add(new DoctorRow(
                    "authority", authority.Directory.ToString(), RowState.Wrong, failure, "its ACME directory",
                    "Put the URL right, or let this machine reach it over https."));
                continue;
            }

            rows.Add(new DoctorRow(
                "authority", authority.Directory.ToString(), RowState.Ok,
                identities.Count == 0 ? "answers, and names no CAA domain"
                    : $"answers, CAA domain {string.Join(", ", identities)}"));
            if (identities.Count > 0)
            {
                rows.Add(OfWildcard($"*.{settings.Zone}", identities, atTarget));
                rows.Add(OfHost(settings.SystemHost.Value, foundAt, identities, atHost));
            }
        }

        return rows;
    }

    private static DoctorRow OfWildcard(string subject, IReadOnlyList<string> identities, DnsSays says)
    {
        var should = $"CAA 0 issue \"{identities[0]}\"";
        var caa = new CaaRecords(says.Of<CaaRecord>());
        return says.Failure is { } failure
                ? new DoctorRow("caa-wildcard", subject, RowState.Wrong, failure, should,
                    "The zone's name servers must answer CAA: no authority issues when they fail.")
            : caa.IsEmpty
                ? new DoctorRow("caa-wildcard", subject, RowState.Warning, "no CAA record", should,
                    $"Enter it with the name {subject}: without it a customer's own CAA decides, and may name others.")
            : caa.WhyNot(identities) is { } why
                ? new DoctorRow("caa-wildcard", subject, RowState.Wrong, $"{caa}: {why}", should,
                    $"Add it with the name {subject}.")
                : new DoctorRow("caa-wildcard", subject, RowState.Ok, caa.ToString());
    }

    private static DoctorRow OfHost(string host, string foundAt, IReadOnlyList<string> identities, DnsSays says)
    {
        var should = $"no CAA record, or CAA 0 issue \"{identities[0]}\"";
        var caa = new CaaRecords(says.Of<CaaRecord>());
        return says.Failure is { } failure ? new DoctorRow("caa-system-host", host, RowState.Wrong, failure, should)
            : caa.IsEmpty ? new DoctorRow("caa-system-host", host, RowState.Ok, "no CAA record: every authority may")
            : caa.WhyNot(identities) is { } why
                ? new DoctorRow("caa-system-host", host, RowState.Wrong, $"{caa} at {foundAt}: {why}", should,
                    $"Add it at {foundAt}.")
                : new DoctorRow("caa-system-host", host, RowState.Ok, $"{caa} at {foundAt}");
    }

    // The first of the name and its parents that has records decides.
    private static async Task<(string FoundAt, DnsSays Says)> ClimbAsync(
        AskDns dns, string host, CancellationToken cancellationToken)
    {
        for (var name = host; ; name = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..])
        {
            var says = await dns.AskAsync(name, QueryType.CAA, cancellationToken);
            if (says.Failure is not null || says.Of<CaaRecord>().Count > 0
                || !name.Contains('.', StringComparison.Ordinal))
            {
                return (name, says);
            }
        }
    }

    // An authority's directory has its names in CAA records (RFC 8555, 7.1.1).
    private static async Task<(IReadOnlyList<string> Identities, string? Failure)> IdentitiesAsync(
        DoctorAuthority authority, CancellationToken cancellationToken)
    {
        try
        {
            using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
            if (authority.RootCertificates is { } file)
            {
                var roots = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                };
                roots.CustomTrustStore.ImportFromPemFile(file);
                handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = roots };
            }

            using var client = new HttpClient(handler) { Timeout = _longest };
            client.DefaultRequestHeaders.UserAgent.ParseAdd("trackctl");
            using var answer = await client.GetAsync(authority.Directory, cancellationToken);
            if (!answer.IsSuccessStatusCode)
            {
                return ([], $"it answers {(int)answer.StatusCode}");
            }

            using var directory = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellationToken));
            return (
                directory.RootElement.TryGetProperty("meta", out var meta)
                    && meta.TryGetProperty("caaIdentities", out var identities)
                    ? [.. identities.EnumerateArray().Select(identity => identity.GetString()!)]
                    : [],
                null);
        }
        catch (Exception exception) when (
            exception is HttpRequestException or IOException or JsonException or InvalidOperationException
                or CryptographicException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return ([], exception is OperationCanceledException
                ? $"no answer within {_longest.TotalSeconds:0} s"
                : exception is JsonException or InvalidOperationException ? "what it answers is no ACME directory"
                : $"it cannot be reached: {exception.Message}");
        }
    }
}
