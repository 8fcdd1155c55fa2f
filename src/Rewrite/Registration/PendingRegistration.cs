using System.Security.Cryptography;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// A registration in progress: the links that are not written yet, and their salts. Its results count only after the
/// commit. After a failure it starts again from the original registration.
/// </summary>
internal sealed class PendingRegistration
{
    private readonly LinkId[] _links;

    // Copies, or remembered URLs: the message's own memory is used again when its sender no longer waits.
    private readonly byte[][] _urls;
    private KnownDestinations.Memory _memory;
    private bool _hasBegun;

    public PendingRegistration(MessageRegistration registration, KnownDestinations.Memory memory)
    {
        Registration = registration;
        IdHash = MessageKey.HashId(registration.MessageId);
        Message = MessageKey.FromIdHash(IdHash, 0);
        _links = new LinkId[registration.Destinations.Length];
        _urls = new byte[registration.Destinations.Length][];
        _memory = memory;
        var unknown = new List<int>();
        for (var ordinal = 0; ordinal < _links.Length; ordinal++)
        {
            var url = registration.Destinations[ordinal].Span;
            if (memory.TryGet(registration.Cluster, url, out var kept, out _links[ordinal]))
            {
                _urls[ordinal] = kept;
            }
            else
            {
                unknown.Add(ordinal);
            }
        }

        AddNewLinks(unknown, ordinal => registration.Destinations[ordinal]);
    }

    public MessageRegistration Registration { get; }

    public byte[] IdHash { get; }

    public MessageKey Message { get; private set; }

    public byte MessageSalt { get; private set; }

    public bool IsMessageSettled { get; private set; }

    public bool HasOtherContent { get; private set; }

    public List<PendingLink> NewLinks { get; } = [];

    public TaskCompletionSource<RegistrationResult> Completion { get; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsSettled => IsMessageSettled && NewLinks.TrueForAll(link => link.IsSettled);

    /// <summary>Starts an attempt. Results of an earlier attempt, and destinations known from another state of the
    /// database, no longer count.</summary>
    public void Begin(KnownDestinations.Memory memory)
    {
        if (_hasBegun || memory != _memory)
        {
            _memory = memory;
            Rebuild();
        }

        _hasBegun = true;
    }

    /// <summary>Processes the committed row under <see cref="Message"/>, which was read back.</summary>
    public void SettleMessage(ReadOnlySpan<byte> storedIdHash, ReadOnlySpan<byte> storedContentHash)
    {
        if (storedIdHash.SequenceEqual(IdHash))
        {
            IsMessageSettled = true;
            HasOtherContent = !storedContentHash.SequenceEqual(Registration.ContentHash);
            return;
        }

        MessageSalt = checked((byte)(MessageSalt + 1));
        Message = MessageKey.FromIdHash(IdHash, MessageSalt);
    }

    private void Rebuild()
    {
        MessageSalt = 0;
        Message = MessageKey.FromIdHash(IdHash, 0);
        (IsMessageSettled, HasOtherContent) = (false, false);
        NewLinks.Clear();
        var unknown = new List<int>();
        for (var ordinal = 0; ordinal < _links.Length; ordinal++)
        {
            if (!_memory.TryGet(Registration.Cluster, _urls[ordinal], out _, out _links[ordinal]))
            {
                unknown.Add(ordinal);
            }
        }

        AddNewLinks(unknown, ordinal => _urls[ordinal]);
    }

    private void AddNewLinks(List<int> unknown, Func<int, ReadOnlyMemory<byte>> urlOf)
    {
        if (unknown.Count == 0)
        {
            return;
        }

        var byUrl = new Dictionary<ReadOnlyMemory<byte>, List<int>>(unknown.Count, BytesComparer.Instance);
        foreach (var ordinal in unknown)
        {
            var url = urlOf(ordinal);
            if (!byUrl.TryGetValue(url, out var ordinals))
            {
                byUrl.Add(url, ordinals = []);
            }

            ordinals.Add(ordinal);
        }

        var urls = byUrl.Keys.ToArray();
        var hashes = new byte[urls.Length * SHA256.HashSizeInBytes];
        UrlHash.Compute(urls, hashes);
        for (var i = 0; i < urls.Length; i++)
        {
            var hash = hashes.AsSpan(i * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes).ToArray();
            var (url, ordinals) = (urls[i].ToArray(), byUrl[urls[i]]);
            ordinals.ForEach(ordinal => _urls[ordinal] = url);
            NewLinks.Add(new PendingLink(url, hash, ordinals));
        }
    }

    /// <summary>Completes the registration, after everything is committed.</summary>
    public void Complete()
    {
        foreach (var link in NewLinks)
        {
            _memory.Add(Registration.Cluster, link.Url, link.Id);
            foreach (var ordinal in link.Ordinals)
            {
                _links[ordinal] = link.Id;
            }
        }

        Completion.TrySetResult(HasOtherContent
            ? RegistrationResult.OtherContent
            : new RegistrationResult(RegistrationOutcome.Registered, Message, _links));
    }
}

/// <summary>A destination of a registration that is not yet known to be stored, with every ordinal that leads to
/// it.</summary>
internal sealed class PendingLink(byte[] url, byte[] hash, List<int> ordinals)
{
    public byte[] Url { get; } = url;

    public byte[] Hash { get; } = hash;

    public byte Salt { get; private set; }

    public LinkId Id { get; private set; } = LinkId.FromUrlHash(hash, 0);

    public List<int> Ordinals { get; } = ordinals;

    public bool IsSettled { get; private set; }

    /// <summary>Processes the committed row under <see cref="Id"/>, which was read back. If it holds another
    /// destination, the link takes the next salt.</summary>
    public void Settle(ReadOnlySpan<byte> storedHash)
    {
        if (storedHash.SequenceEqual(Hash))
        {
            IsSettled = true;
            return;
        }

        Salt = checked((byte)(Salt + 1));
        Id = LinkId.FromUrlHash(Hash, Salt);
    }
}

internal sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly BytesComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> obj)
    {
        var hash = default(HashCode);
        hash.AddBytes(obj.Span);
        return hash.ToHashCode();
    }
}
