using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Acme;

/// <summary>Nonces that answers brought, each used once, the newest first: the oldest are those that a server has
/// forgotten. Old ones are thrown away.</summary>
internal sealed class NoncePool(TimeSpan age, TimeProvider time)
{
    /// <summary>Requests under way at a time are fewer; what is above is of no use.</summary>
    public const int Capacity = 64;

    // RFC 8555 §6.5.1: base64url. Boulder's have 43 characters, others up to some hundred.
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
                // The others are older still.
                _nonces.Clear();
                return null;
            }

            _nonces.RemoveLast();
            return newest.Value.Nonce;
        }
    }
}
