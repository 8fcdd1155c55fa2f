using System.Security.Cryptography;

namespace Tracking.Tls.Certificates;

/// <summary>A certificate in memory. It is prepared for handshakes at its first use.</summary>
internal sealed class KeptCertificate(CertificateFound found, long question, long checkedAt)
{
    /// <summary>This process has not compared the certificate with its source yet.</summary>
    public const long Never = long.MinValue;

    private readonly Lock _preparing = new();
    private volatile ServedCertificate? _served;
    private bool _isGone;
    private int _isBeingChecked;
    private long _question = question;
    private long _checkedAt = checkedAt;

    public CertificateFound Found => found;

    public long Question => Volatile.Read(ref _question);

    public long CheckedAt => Volatile.Read(ref _checkedAt);

    public long UsedAt { get; set; }

    public bool IsSentAsGiven => _served?.IsSentAsGiven != false;

    public bool IsSame(CertificateFound other) =>
        ReferenceEquals(found, other)
        || (found.FirstRenewedAt == other.FirstRenewedAt
            && found.IsLocal == other.IsLocal
            && CryptographicOperations.FixedTimeEquals(found.PrivateKey, other.PrivateKey)
            && found.Chain.Count == other.Chain.Count
            && found.Chain.Zip(other.Chain).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)));

    public bool BeginCheck() => Interlocked.Exchange(ref _isBeingChecked, 1) == 0;

    public void EndCheck(long at)
    {
        Volatile.Write(ref _checkedAt, at);
        Volatile.Write(ref _isBeingChecked, 0);
    }

    public void Confirm(long byQuestion, long at)
    {
        Volatile.Write(ref _question, byQuestion);
        Volatile.Write(ref _checkedAt, at);
    }

    public void Prepare()
    {
        lock (_preparing)
        {
            _served ??= _isGone ? null : ServedCertificate.Create(found);
        }
    }

    /// <returns><see langword="null"/> if another certificate has replaced this one.</returns>
    public ServedCertificate? Take()
    {
        if (_served is null)
        {
            Prepare();
        }

        return _served is { } served && served.TryTake() ? served : null;
    }

    public void GiveBack()
    {
        lock (_preparing)
        {
            if (!_isGone)
            {
                _isGone = true;
                _served?.GiveBack();
            }
        }
    }
}
