using System.Buffers.Text;
using System.Text.Json;
using Tracking.Links;

namespace Tracking.Certificates.Acme;

/// <summary>
/// The client of one certificate authority (RFC 8555). Each public method is one step with plain values as arguments
/// and result, so the caller can store its progress between two steps. After a crash the caller continues from the
/// order's URL.
/// <para>No behaviour of an authority causes an exception: faults are returned as problems. Several threads may use one
/// client at the same time.</para>
/// </summary>
public sealed partial class AcmeClient : IDisposable
{
    // A directory changes a few times a year, when the authority deploys. Old URLs stay valid for longer than an hour.
    private static readonly TimeSpan _directoryAge = TimeSpan.FromHours(1);

    // After a failure the directory is not requested at every step, because each step would wait for the deadline.
    private static readonly TimeSpan _directoryRetry = TimeSpan.FromMinutes(1);

    private readonly AuthoritySettings _authority;
    private readonly CertificateOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<AcmeClient> _logger;
    private readonly AcmeTransport _transport;
    private volatile Kept? _kept;

    /// <param name="authority">The authority.</param>
    /// <param name="options">The options that are the same for all authorities.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Receives messages for the operator.</param>
    public AcmeClient(
        AuthoritySettings authority, CertificateOptions options, TimeProvider time, ILogger<AcmeClient> logger)
    {
        ArgumentNullException.ThrowIfNull(authority);
        _authority = authority;
        _options = options;
        _time = time;
        _logger = logger;
        _transport = new AcmeTransport(authority, options, time);
    }

    /// <summary>By how much the authority's clock was ahead of ours at its last answer. A difference of minutes
    /// explains certificates that are not valid yet.</summary>
    public TimeSpan ClockOffset => _transport.ClockOffset;

    /// <summary>The authority's directory. The directory is read again after an hour. If that fails, the earlier
    /// directory stays in use and the next attempt follows after a minute.</summary>
    public async Task<AcmeOutcome<AcmeDirectory>> ReadDirectoryAsync(CancellationToken cancellationToken)
    {
        if (_kept is { } kept && _time.GetElapsedTime(kept.At) < kept.GoodFor)
        {
            return kept.Directory;
        }

        var answer = await _transport.GetAsync(new Uri(_authority.Directory), cancellationToken);
        var read = answer.Then(got => AcmeDirectory.Read(got, _transport));
        if (read.Value is { } directory)
        {
            _kept = new Kept(directory, _time.GetTimestamp(), _directoryAge);
            return directory;
        }

        if (_kept is not { } old)
        {
            return read;
        }

        _kept = new Kept(old.Directory, _time.GetTimestamp(), _directoryRetry);
        return old.Directory;
    }

    /// <summary>Places an order. If the authority does not know the profile, the order is sent once more without a
    /// profile. If the authority has already replaced the certificate, the order is sent once more without
    /// <paramref name="replaces"/>.</summary>
    /// <param name="account">The account that orders.</param>
    /// <param name="names">The names, one or more.</param>
    /// <param name="replaces">The certificate that the new one will replace (<see cref="CertificateId"/>). Authorities
    /// with RFC 9773 count such an order against no limit.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<AcmeOutcome<PlacedOrder>> NewOrderAsync(
        AcmeAccount account, IReadOnlyCollection<HostName> names, string? replaces, CancellationToken cancellationToken)
    {
        if (!(await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem))
        {
            return problem;
        }

        IdentifierJson[] identifiers = [.. names.Select(name => new IdentifierJson("dns", name.Value))];
        var isOffered = _authority.Profile.Length > 0 && directory.Profiles.ContainsKey(_authority.Profile);
        var profile = isOffered ? _authority.Profile : null;
        var certificate = directory.RenewalInformation is null ? null : replaces;
        var (withoutProfile, withoutReplaces) = (false, false);
        while (true)
        {
            var placed = await PostAsync(
                account,
                directory.NewOrder,
                JsonSerializer.SerializeToUtf8Bytes(
                    new NewOrderJson(identifiers, profile, certificate), AcmeJson.Default.NewOrderJson),
                cancellationToken);
            switch (placed.Problem)
            {
                case { Type: AcmeProblemType.InvalidProfile } refused when profile is not null:
                    LogWithoutProfile(_authority.Directory, profile, refused.Detail);
                    (profile, withoutProfile) = (null, true);
                    break;
                case { Type: AcmeProblemType.AlreadyReplaced } when certificate is not null:
                    LogWithoutReplaces(_authority.Directory, certificate);
                    (certificate, withoutReplaces) = (null, true);
                    break;
                default:
                    return placed.Then(answer => AcmeOrder.Read(answer, _transport)).Then<PlacedOrder>(
                        order => new PlacedOrder(order, withoutProfile, withoutReplaces));
            }
        }
    }

    /// <summary>Reads an order.</summary>
    public async Task<AcmeOutcome<AcmeOrder>> ReadOrderAsync(
        AcmeAccount account, Uri order, CancellationToken cancellationToken) =>
        (await PostAsync(account, order, [], cancellationToken))
            .Then(answer => AcmeOrder.Read(answer, _transport, order));

    /// <summary>Reads an authorization.</summary>
    public async Task<AcmeOutcome<AcmeAuthorization>> ReadAuthorizationAsync(
        AcmeAccount account, Uri authorization, CancellationToken cancellationToken) =>
        (await PostAsync(account, authorization, [], cancellationToken))
            .Then(answer => AcmeAuthorization.Read(answer, _transport));

    /// <summary>Deactivates an authorization, so that it does not count as pending.</summary>
    public async Task<AcmeOutcome<AcmeAuthorization>> DeactivateAuthorizationAsync(
        AcmeAccount account, Uri authorization, CancellationToken cancellationToken) =>
        (await PostAsync(account, authorization, Deactivated(), cancellationToken))
            .Then(answer => AcmeAuthorization.Read(answer, _transport));

    /// <summary>Tells the authority that every gateway answers the challenge.</summary>
    public async Task<AcmeOutcome<AcmeChallenge>> AnswerChallengeAsync(
        AcmeAccount account, Uri challenge, CancellationToken cancellationToken) =>
        (await PostAsync(account, challenge, "{}"u8.ToArray(), cancellationToken))
            .Then(answer => AcmeChallenge.Read(answer, _transport));

    /// <summary>Sends the certificate request. The caller has stored the key before. If the answer is lost,
    /// <see cref="ReadOrderAsync"/> shows whether the request arrived.</summary>
    /// <param name="account">The account that placed the order.</param>
    /// <param name="order">The order's URL.</param>
    /// <param name="finalize">Its <see cref="AcmeOrder.Finalize"/>.</param>
    /// <param name="request">The certificate request in DER (<see cref="CertificateKey.MakeRequest"/>).</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<AcmeOutcome<AcmeOrder>> FinalizeAsync(
        AcmeAccount account, Uri order, Uri finalize, byte[] request, CancellationToken cancellationToken) =>
        (await PostAsync(
            account,
            finalize,
            JsonSerializer.SerializeToUtf8Bytes(
                new FinalizeJson(Base64Url.EncodeToString(request)), AcmeJson.Default.FinalizeJson),
            cancellationToken))
            .Then(answer => AcmeOrder.Read(answer, _transport, order));

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    // A request without a payload is POST-as-GET (RFC 8555 §6.3).
    private async Task<AcmeOutcome<AcmeAnswer>> PostAsync(
        AcmeAccount account, Uri url, byte[] payload, CancellationToken cancellationToken,
        string accept = "application/json") =>
        (await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem)
            ? await _transport.PostAsync(
                url,
                directory.NewNonce,
                nonce => SignRequest.ByAccount(account, url, nonce, payload),
                cancellationToken,
                accept)
            : problem;

    private static byte[] Deactivated() =>
        JsonSerializer.SerializeToUtf8Bytes(new DeactivateJson("deactivated"), AcmeJson.Default.DeactivateJson);

    private AcmeProblem NotOffered(string what) => new(
        AcmeProblemType.NotOffered, $"The certificate authority {_authority.Directory} does not offer {what}.");

    [LoggerMessage(LogLevel.Warning,
        "{Authority} does not accept the profile {Profile} ({Detail}). The order is placed without a profile.")]
    private partial void LogWithoutProfile(string authority, string profile, string detail);

    [LoggerMessage(LogLevel.Information,
        "{Authority} has already replaced certificate {Certificate}. The order is placed as a new one.")]
    private partial void LogWithoutReplaces(string authority, string certificate);

    private sealed record Kept(AcmeDirectory Directory, long At, TimeSpan GoodFor);
}
