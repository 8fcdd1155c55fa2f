using System.Buffers.Text;
using System.Text.Json;
using Tracking.Links;

namespace Tracking.Certificates.Acme;

/// <summary>
/// One certificate authority (RFC 8555). Each public method is one step that takes and gives plain values, so that
/// whoever issues certificates can store where it is between any two: after a kill it goes on from the order's URL.
/// <para>Nothing that an authority sends or does throws; it comes back as a problem. Safe for use by several threads at
/// once.</para>
/// </summary>
public sealed partial class AcmeClient : IDisposable
{
    // Directories change with an authority's deployments, a few times a year; the URLs in them outlive an hour.
    private static readonly TimeSpan _directoryAge = TimeSpan.FromHours(1);

    // One that cannot be read is not asked for at each step: every one would wait for the deadline.
    private static readonly TimeSpan _directoryRetry = TimeSpan.FromMinutes(1);

    private readonly AuthoritySettings _authority;
    private readonly CertificateOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<AcmeClient> _logger;
    private readonly AcmeTransport _transport;
    private volatile Kept? _kept;

    /// <param name="authority">The authority.</param>
    /// <param name="options">What is the same for all of them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets what an operator should know.</param>
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

    /// <summary>How far the authority's clock was ahead of ours when it last answered: minutes and more explain why
    /// certificates seem not to be valid yet.</summary>
    public TimeSpan ClockOffset => _transport.ClockOffset;

    /// <summary>What the authority offers; read again after an hour. While it cannot be read, what was read before, and
    /// it is tried again after a minute.</summary>
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

    /// <summary>Places an order. An authority that does not know the profile is asked once more without it, and one
    /// that has replaced the certificate already without <paramref name="replaces"/>.</summary>
    /// <param name="account">Who orders.</param>
    /// <param name="names">The names, one or more.</param>
    /// <param name="replaces">The certificate that this one will replace (<see cref="CertificateId"/>): such an order
    /// counts against no limit where RFC 9773 is offered.</param>
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

    /// <summary>Looks at an order.</summary>
    public async Task<AcmeOutcome<AcmeOrder>> ReadOrderAsync(
        AcmeAccount account, Uri order, CancellationToken cancellationToken) =>
        (await PostAsync(account, order, [], cancellationToken))
            .Then(answer => AcmeOrder.Read(answer, _transport, order));

    /// <summary>Looks at an authorization.</summary>
    public async Task<AcmeOutcome<AcmeAuthorization>> ReadAuthorizationAsync(
        AcmeAccount account, Uri authorization, CancellationToken cancellationToken) =>
        (await PostAsync(account, authorization, [], cancellationToken))
            .Then(answer => AcmeAuthorization.Read(answer, _transport));

    /// <summary>Gives an authorization up, so that it does not count as one that is waiting.</summary>
    public async Task<AcmeOutcome<AcmeAuthorization>> DeactivateAuthorizationAsync(
        AcmeAccount account, Uri authorization, CancellationToken cancellationToken) =>
        (await PostAsync(account, authorization, Deactivated(), cancellationToken))
            .Then(answer => AcmeAuthorization.Read(answer, _transport));

    /// <summary>Says that the answer to a challenge is there, everywhere.</summary>
    public async Task<AcmeOutcome<AcmeChallenge>> AnswerChallengeAsync(
        AcmeAccount account, Uri challenge, CancellationToken cancellationToken) =>
        (await PostAsync(account, challenge, "{}"u8.ToArray(), cancellationToken))
            .Then(answer => AcmeChallenge.Read(answer, _transport));

    /// <summary>Sends the certificate request. The key must have been stored before; when the answer is lost,
    /// <see cref="ReadOrderAsync"/> tells whether it arrived.</summary>
    /// <param name="account">Whose order it is.</param>
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

    // No payload at all is POST-as-GET (RFC 8555 §6.3).
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
        "{Authority} does not take the profile {Profile} ({Detail}); the order is placed without one.")]
    private partial void LogWithoutProfile(string authority, string profile, string detail);

    [LoggerMessage(LogLevel.Information,
        "{Authority} has replaced certificate {Certificate} already; the order is placed as a new one.")]
    private partial void LogWithoutReplaces(string authority, string certificate);

    private sealed record Kept(AcmeDirectory Directory, long At, TimeSpan GoodFor);
}
