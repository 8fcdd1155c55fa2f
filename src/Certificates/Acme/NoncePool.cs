using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Acme;

/// <summary>The nonces from earlier answers. Each nonce is used once. The newest nonce is used first, because a server
/// forgets the oldest ones. Old nonces are dropped.</summary>
internal sealed class NoncePool(TimeSpan age, TimeProvider time)
{
    /// <summary>The largest number of kept nonces. Fewer requests than this run at the same time.</summary>
    public const int Capacity = 64;

    // A nonce is base64url (RFC 8555 §6.5.1). Boulder's nonces have 43 characters, those of other authorities up to a
    // few hundred.
    private const int MaxLength = 512;

    private readonly Lock _using = new();
    private readonly LinkedList<(string Nonce, long At)> _nonces = [];

    public void Add(string? nonce)
    {
        if (string.IsNullOrEmpty(nonce) || nonce.Length > MaxLength
            || nonce.AsSpan().ContainsAnyExcept(KeyAuthorization.TokenCharacters))
        {
            return;
        }

        lock (_using)
        {
            _nonces.AddLast((nonce, time.GetTimestamp()));
            if (_nonces.Count > Capacity)
            {
                _nonces.RemoveFirst();
            }
        }
    }

    public string? Take()
    {
        lock (_using)
        {
            if (_nonces.Last is not { } newest)
            {
                return null;
            }

            if (time.GetElapsedTime(newest.Value.At) > age)
            {
                // All other nonces are older.
                _nonces.Clear();
                return null;
            }

            _nonces.RemoveLast();
            return newest.Value.Nonce;
        }
    }
}
