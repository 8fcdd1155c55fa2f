using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;

namespace Tracking.EventIngest.Bots;

/// <summary>Who or what caused an event, and what that rests on. One object per rule, for all its events.</summary>
internal sealed class Classification
{
    private readonly byte[] _columns = new byte[512];
    private readonly int _columnsLength;

    public Classification(Verdict verdict, string? vendor, params string[] reasons)
    {
        Verdict = verdict;
        Vendor = vendor;
        Reasons = reasons;

        var row = new CopyRow(_columns);
        row.WriteSmallint((short)verdict);
        if (vendor is null)
        {
            row.WriteNull();
        }
        else
        {
            row.WriteBytes(Encoding.UTF8.GetBytes(vendor));
        }

        row.WriteTextArray([.. reasons.Select(Encoding.UTF8.GetBytes)]);
        _columnsLength = row.Length;
    }

    public Verdict Verdict { get; }

    /// <summary>The machine's maker, lower case; null when it is not known.</summary>
    public string? Vendor { get; }

    /// <summary>Stable names of the rules that spoke.</summary>
    public IReadOnlyList<string> Reasons { get; }

    /// <summary>The columns verdict, vendor and reasons as COPY takes them.</summary>
    public ReadOnlySpan<byte> Columns => _columns.AsSpan(0, _columnsLength);
}
