using System.ComponentModel.DataAnnotations;

namespace Tracking.Migrator;

/// <summary>The migrator's settings: <c>Tracking__Migrator__…</c>.</summary>
public sealed class MigratorOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Migrator";

    /// <summary>The file that holds the first admin API key: <c>trk_</c> and 32 characters of
    /// <c>0123456789abcdefghjkmnpqrstvwxyz</c>. Neither this nor <see cref="AdminKey"/>: no key is stored.</summary>
    public string? AdminKeyFile { get; set; }

    /// <summary>The first admin API key itself, for platforms that hand secrets over as variables.</summary>
    [DataType(DataType.Password)]
    public string? AdminKey { get; set; }

    /// <summary>How long a database that does not answer yet is waited for; 0 to 1 h, default 2 min: a database that
    /// starts beside it is there in seconds, one that recovers takes longer.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan WaitForDatabase { get; set; } = TimeSpan.FromMinutes(2);
}
