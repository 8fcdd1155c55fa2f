using System.Collections.Concurrent;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Tests.Certificates;

/// <summary>A source that counts questions, may be slow, and may be away.</summary>
internal sealed class FakeSource : ICertificateSource
{
    public ConcurrentDictionary<string, CertificateFound> Certificates { get; } = new();

    public ConcurrentDictionary<string, int> Asked { get; } = new();

    public int Questions => Asked.Values.Sum();

    public bool IsAway { get; set; }

    /// <summary>Answers wait until this task completes.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public async ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken)
    {
        Asked.AddOrUpdate(name.Value, 1, (_, count) => count + 1);
        var found = Certificates.GetValueOrDefault(name.Value);
        await Gate.WaitAsync(cancellationToken);
        return IsAway ? throw new TimeoutException("The store is away.") : found;
    }
}
