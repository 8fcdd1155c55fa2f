using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>Whether there is a certificate for a name.</summary>
internal enum SelectOutcome
{
    /// <summary>The name has a certificate. The caller gives it back.</summary>
    Found,

    /// <summary>The name has no certificate.</summary>
    Unknown,

    /// <summary>It is unknown whether the name has a certificate.</summary>
    Unavailable,
}

/// <summary>
/// Finds the certificate of a host name: in memory, else at the sources. A certificate stays in memory until another
/// replaces it. A name that no directory of hosts knows costs no question, and another unknown name costs one. Callers
/// that want the same name at the same time share one question. A certificate that was served once is still served
/// while the sources are away.
/// </summary>
internal sealed partial class SelectCertificate : IServedCertificates, IDisposable
{
    // The pause after a failed question, so that a store that is away does not get one question for each connection.
    private static readonly TimeSpan _failureLifetime = TimeSpan.FromSeconds(1);

    // The number of questions at a time, so that a flood of names does not take all connections of the database.
    private const int MaxQuestions = 8;

    private readonly ConcurrentDictionary<string, KeptCertificate> _kept = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<HostName, Lazy<Task<KeptCertificate?>>> _asking = new();
    private readonly UnknownNames _unknown;
    private readonly UnknownNames _failed;
    private readonly SemaphoreSlim _questions = new(MaxQuestions);
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationToken _ending;
    private readonly Lock _changing = new();
    private readonly ICertificateSource[] _sources;
    private readonly IServedHosts[] _hosts;
    private readonly TlsOptions _options;
    private readonly TimeProvider _time;
    private readonly TlsMeters _meters;
    private readonly ILogger _logger;
    private long _questionsBegun;
    private long _replacements;
    private long _version;
    private bool _isAway;

    public SelectCertificate(
        IEnumerable<ICertificateSource> sources,
        IEnumerable<IServedHosts> hosts,
        IOptions<TlsOptions> options,
        TlsMeters meters,
        TimeProvider time,
        ILogger<SelectCertificate> logger)
    {
        (_sources, _hosts, _options, _meters, _time, _logger) =
            ([.. sources], [.. hosts], options.Value, meters, time, logger);
        _ending = _end.Token;
        _unknown = new UnknownNames(_options.MaxUnknownNames, time);
        _failed = new UnknownNames(_options.MaxUnknownNames, time);
        meters.ObserveCertificates(() => _kept.Count);
    }

    /// <summary>A number that changes whenever a certificate is added, removed or replaced.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Names remembered as unknown.</summary>
    internal int UnknownCount => _unknown.Count;

    /// <summary>Finds the certificate of a name and takes it for the caller.</summary>
    public ValueTask<(SelectOutcome Outcome, ServedCertificate? Certificate)> FindAsync(
        HostName name, CancellationToken cancellationToken)
    {
        if (TryTakeKept(name, out var certificate))
        {
            return ValueTask.FromResult<(SelectOutcome, ServedCertificate?)>((SelectOutcome.Found, certificate));
        }

        if (StandingOf(name) == HostStanding.Unknown || _unknown.Contains(name))
        {
            return ValueTask.FromResult<(SelectOutcome, ServedCertificate?)>((SelectOutcome.Unknown, null));
        }

        return _failed.Contains(name)
            ? ValueTask.FromResult<(SelectOutcome, ServedCertificate?)>((SelectOutcome.Unavailable, null))
            : AskAndTakeAsync(name, cancellationToken);
    }

    /// <summary>The standing of a name. The highest standing of all directories counts.</summary>
    public HostStanding StandingOf(HostName name)
    {
        var standing = HostStanding.Unsaid;
        foreach (var directory in _hosts)
        {
            var said = directory.Find(name);
            standing = said > standing ? said : standing;
        }

        return standing;
    }

    /// <summary>As <see cref="StandingOf"/>, for a name that may not be in memory yet.</summary>
    public async ValueTask<HostStanding> LearnStandingAsync(HostName name)
    {
        var standing = StandingOf(name);
        foreach (var directory in standing == HostStanding.Unsaid ? _hosts : [])
        {
            var said = await directory.LearnAsync(name);
            standing = said > standing ? said : standing;
        }

        return standing;
    }

    /// <inheritdoc/>
    public async Task ReplaceAsync(HostName name, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _replacements);
        _unknown.Remove(name);
        _failed.Remove(name);
        if (_kept.ContainsKey(name.Value) || _asking.ContainsKey(name))
        {
            await AskAsync(name).WaitAsync(cancellationToken);
        }
    }

    /// <summary>Adds the certificates of an earlier process. The sources are asked at the first use of each.</summary>
    public void Restore(IEnumerable<CertificateFound> certificates)
    {
        foreach (var certificate in certificates)
        {
            _kept.TryAdd(certificate.Name, new KeptCertificate(certificate, question: 0, KeptCertificate.Never));
        }
    }

    /// <summary>Forgets the certificates from files of this machine, which have changed. Reading them again costs
    /// nothing.</summary>
    public void ForgetLocal()
    {
        Interlocked.Increment(ref _replacements);
        foreach (var (name, kept) in _kept.Where(pair => pair.Value.Found.IsLocal))
        {
            if (_kept.TryRemove(KeyValuePair.Create(name, kept)))
            {
                kept.GiveBack();
            }
        }

        _unknown.Clear();
    }

    /// <summary>The certificates that do not come from files of this machine, the most recently used first.</summary>
    public List<CertificateFound> MostRecent(int count) =>
        [.. _kept.Values.Where(kept => !kept.Found.IsLocal)
            .OrderByDescending(kept => kept.UsedAt).Take(count).Select(kept => kept.Found)];

    /// <inheritdoc/>
    public void Dispose()
    {
        // The object is registered under its own type and under its interface.
        if (_ending.IsCancellationRequested)
        {
            return;
        }

        _end.Cancel();
        foreach (var name in _kept.Keys)
        {
            if (_kept.TryRemove(name, out var kept))
            {
                kept.GiveBack();
            }
        }

        _end.Dispose();
    }

    private bool TryTakeKept(HostName name, [NotNullWhen(true)] out ServedCertificate? certificate)
    {
        certificate = null;
        var dot = name.Value.IndexOf('.', StringComparison.Ordinal);
        if (!_kept.TryGetValue(name.Value, out var kept)
            && (dot < 0 || !_kept.TryGetValue(string.Concat("*", name.Value.AsSpan(dot)), out kept)))
        {
            return false;
        }

        var now = _time.GetTimestamp();
        kept.UsedAt = now;
        if ((kept.CheckedAt == KeptCertificate.Never
            || _time.GetElapsedTime(kept.CheckedAt, now) > _options.RecheckAfter)
            && kept.BeginCheck())
        {
            _ = CheckAsync(name, kept);
        }

        try
        {
            certificate = kept.Take();
            return certificate is not null || TryTakeKept(name, out certificate);
        }
        catch (CryptographicException exception)
        {
            // Only certificates from the sealed copy are not prepared yet. The source may have a newer one.
            LogBroken(kept.Found.Name, exception.Message);
            _kept.TryRemove(KeyValuePair.Create(kept.Found.Name, kept));
            return false;
        }
    }

    // A sixteenth is removed at a time, so that a full memory is not sorted for each new name.
    private void MakeRoom()
    {
        if (_kept.Count <= _options.MaxCertificates)
        {
            return;
        }

        foreach (var (name, kept) in _kept.OrderBy(pair => pair.Value.UsedAt)
            .Take(Math.Max(1, _options.MaxCertificates / 16)).ToList())
        {
            if (_kept.TryRemove(KeyValuePair.Create(name, kept)))
            {
                kept.GiveBack();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The certificate of {Name} cannot be used: {Reason}")]
    private partial void LogBroken(string name, string reason);
}
