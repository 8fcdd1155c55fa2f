using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>What one round of taking names has taken so far, and of whom.</summary>
/// <param name="lease">The lease of all that it takes.</param>
/// <param name="share">How many names of one cluster may be in work.</param>
/// <param name="inWork">How many are before it.</param>
internal sealed class ClaimRound(Guid lease, int share, IEnumerable<KeyValuePair<ClusterId, int>> inWork)
{
    public Guid Lease => lease;

    public int Share => share;

    /// <summary>Names of each cluster, with those taken now.</summary>
    public Dictionary<ClusterId, int> InWork { get; } = new(inWork);

    public List<LeasedDomain> Taken { get; } = [];

    /// <summary>Rows, with those of deleted clusters.</summary>
    public int Claimed { get; set; }

    /// <summary>Clusters that have their share.</summary>
    public int[] Full => [.. InWork.Where(cluster => cluster.Value >= share).Select(cluster => cluster.Key.Value)];

    public void Add(LeasedDomain domain)
    {
        Taken.Add(domain);
        InWork[domain.Cluster] = InWork.GetValueOrDefault(domain.Cluster) + 1;
    }
}
