using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Tls.Stored;

/// <summary>The master keys by version. During a rotation there are two: the newest seals, both open.</summary>
public sealed class MasterKeys
{
    private readonly SortedDictionary<int, MasterKey> _keys;

    /// <param name="keys">Versions (1 and up) and keys, at least one. They stay the caller's.</param>
    /// <exception cref="ArgumentException">There is none, or a version is below 1 or there twice.</exception>
    public MasterKeys(IEnumerable<(int Version, MasterKey Key)> keys)
    {
        _keys = new SortedDictionary<int, MasterKey>(keys.ToDictionary(key => key.Version, key => key.Key));
        if (_keys.Count == 0 || _keys.First().Key < 1)
        {
            throw new ArgumentException("There is at least one master key, and versions begin at 1.", nameof(keys));
        }

        var newest = _keys.Last();
        Newest = (newest.Key, newest.Value);
    }

    /// <summary>The one that seals.</summary>
    public (int Version, MasterKey Key) Newest { get; }

    /// <summary>The key of a version; <see langword="null"/> when it is not there.</summary>
    public MasterKey? Find(int version) => _keys.GetValueOrDefault(version);
}

/// <summary>Adds the master keys.</summary>
public static class MasterKeysComposition
{
    /// <summary>Adds the configured key as version 1; there is no other so far. Calling twice is once.</summary>
    public static IServiceCollection AddMasterKeys(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => new MasterKeys(
            [(1, OpenMasterKey.From(provider.GetRequiredService<IOptions<SystemOptions>>().Value))]));
        return services;
    }
}
