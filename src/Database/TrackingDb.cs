using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>
/// EF Core's model of the tables. The schema itself is the SQL under <c>Migrations/</c>; a test compares both. Frequent
/// operations (registration, COPY, counters, statistics) use SQL in their own code instead.
/// </summary>
public sealed class TrackingDb(DbContextOptions<TrackingDb> options) : DbContext(options)
{
    /// <summary>Clusters, deleted ones included.</summary>
    public DbSet<Cluster> Clusters => Set<Cluster>();

    /// <summary>Sending domains of all clusters.</summary>
    public DbSet<SendingDomain> SendingDomains => Set<SendingDomain>();

    /// <summary>API keys, revoked ones included.</summary>
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    /// <summary>Sealed signing keys.</summary>
    public DbSet<StoredSigningKey> SigningKeys => Set<StoredSigningKey>();

    /// <summary>Destinations of links.</summary>
    public DbSet<Destination> Destinations => Set<Destination>();

    /// <summary>Blocked destinations.</summary>
    public DbSet<BlockedDestination> BlockedDestinations => Set<BlockedDestination>();

    /// <summary>Links of mail that another system sent.</summary>
    public DbSet<ImportedPathRow> ImportedPaths => Set<ImportedPathRow>();

    /// <summary>Repaired destinations, undone ones included.</summary>
    public DbSet<Repair> Repairs => Set<Repair>();

    /// <summary>App-association files of tracking domains.</summary>
    public DbSet<AppFile> AppFiles => Set<AppFile>();

    /// <summary>Rewritten messages.</summary>
    public DbSet<TrackedMessage> Messages => Set<TrackedMessage>();

    /// <summary>Events.</summary>
    public DbSet<TrackingEvent> Events => Set<TrackingEvent>();

    /// <summary>Recipients who withdrew.</summary>
    public DbSet<Withdrawal> Withdrawals => Set<Withdrawal>();

    /// <summary>Messages of recipients who withdrew.</summary>
    public DbSet<WithdrawnMessage> WithdrawnMessages => Set<WithdrawnMessage>();

    /// <summary>Events that were stored together.</summary>
    public DbSet<StoredEvents> StoredEvents => Set<StoredEvents>();

    /// <summary>Keys of stored batches.</summary>
    public DbSet<StoredBatch> Batches => Set<StoredBatch>();

    /// <summary>Edges whose batch keys have been pruned.</summary>
    public DbSet<Edge> Edges => Set<Edge>();

    /// <summary>Events that could not be stored.</summary>
    public DbSet<RejectedEvent> RejectedEvents => Set<RejectedEvent>();

    /// <summary>Hourly totals of the version before <see cref="Counts"/>.</summary>
    public DbSet<LinkHour> LinkHours => Set<LinkHour>();

    /// <summary>Counts by time and dimension.</summary>
    public DbSet<Count> Counts => Set<Count>();

    /// <summary>Changes that are to be added to <see cref="Counts"/>.</summary>
    public DbSet<CountChange> CountChanges => Set<CountChange>();

    /// <summary>Counts of each message.</summary>
    public DbSet<MessageCount> MessageCounts => Set<MessageCount>();

    /// <summary>Counts of each message on further days.</summary>
    public DbSet<MessageDay> MessageDays => Set<MessageDay>();

    /// <summary>The generation of counters that each cluster reads.</summary>
    public DbSet<StatisticsState> Statistics => Set<StatisticsState>();

    /// <summary>Tracking domains, deleted ones included.</summary>
    public DbSet<TrackingDomain> TrackingDomains => Set<TrackingDomain>();

    /// <summary>Checks of tracking domains.</summary>
    public DbSet<DomainCheck> DomainChecks => Set<DomainCheck>();

    /// <summary>Notices about tracking domains.</summary>
    public DbSet<DomainNotice> DomainNotices => Set<DomainNotice>();

    /// <summary>The audit log.</summary>
    public DbSet<AuditEntry> AuditLog => Set<AuditEntry>();

    /// <summary>Keys of the console's sessions.</summary>
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>HTML that is kept for click maps.</summary>
    public DbSet<KeptBody> KeptBodies => Set<KeptBody>();

    /// <summary>The assignment of stored HTML to messages.</summary>
    public DbSet<MessageBody> MessageBodies => Set<MessageBody>();

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<ClusterId>().HaveConversion<ClusterIdConverter>();
        configurationBuilder.Properties<MessageKey>().HaveConversion<MessageKeyConverter>();
        configurationBuilder.Properties<LinkId>().HaveConversion<LinkIdConverter>();
        configurationBuilder.Properties<LinkKind>().HaveConversion<short>();
        configurationBuilder.Properties<Verdict>().HaveConversion<short>();
        configurationBuilder.Properties<WhyUncounted>().HaveConversion<short>();
        configurationBuilder.Properties<CountDimension>().HaveConversion<short>();
        configurationBuilder.Properties<CountGrain>().HaveConversion<short>();
        configurationBuilder.Properties<TrackingLevel>().HaveConversion<short>();
        configurationBuilder.Properties<AppFileKind>().HaveConversion<short>();
        configurationBuilder.Properties<DomainStatus>().HaveConversion<short>();
        configurationBuilder.Properties<HttpsPolicy>().HaveConversion<short>();
        configurationBuilder.Properties<CheckCause>().HaveConversion<short>();
        configurationBuilder.Properties<CheckOutcome>().HaveConversion<short>();
        configurationBuilder.Properties<CheckEffect>().HaveConversion<short>();
        configurationBuilder.Properties<NoticeKind>().HaveConversion<short>();
        configurationBuilder.Properties<ClusterSettings>().HaveConversion<ClusterSettingsConverter>();
    }

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Cluster>(cluster =>
        {
            cluster.ToTable("clusters", "management").HasKey(c => c.Id);
            cluster.Property(c => c.Settings).HasColumnType("jsonb");
        });
        modelBuilder.Entity<SendingDomain>().ToTable("sending_domains", "management").HasKey(d => d.Domain);
        modelBuilder.Entity<ApiKey>().ToTable("api_keys", "management").HasKey(k => k.Id);
        modelBuilder.Entity<StoredSigningKey>().ToTable("signing_keys", "links").HasKey(k => k.Version);
        modelBuilder.Entity<Destination>().ToTable("destinations", "links").HasKey(d => new { d.ClusterId, d.LinkId });
        modelBuilder.Entity<BlockedDestination>().ToTable("blocked_destinations", "links").HasKey(b => b.Pattern);
        modelBuilder.Entity<ImportedPathRow>().ToTable("imported_links", "links")
            .HasKey(p => new { p.ClusterId, p.Host, p.Path });
        modelBuilder.Entity<Repair>().ToTable("repairs", "links").HasKey(r => new { r.ClusterId, r.Id });
        modelBuilder.Entity<AppFile>().ToTable("app_files", "domains").HasKey(f => new { f.DomainId, f.Kind });
        modelBuilder.Entity<TrackedMessage>(message =>
        {
            message.ToTable("messages", "rewrite").HasKey(m => new { m.ClusterId, m.MessageKey });
            message.Property(m => m.LeftPlain).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Withdrawal>().ToTable("withdrawals", "rewrite").HasKey(w => new { w.ClusterId, w.Id });
        modelBuilder.Entity<WithdrawnMessage>().ToTable("withdrawn_messages", "rewrite")
            .HasKey(w => new { w.ClusterId, w.MessageKey });
        modelBuilder.Entity<KeptBody>().ToTable("bodies", "rewrite").HasKey(b => new { b.ClusterId, b.Hash });
        modelBuilder.Entity<MessageBody>().ToTable("message_bodies", "rewrite")
            .HasKey(b => new { b.ClusterId, b.MessageKey });
        modelBuilder.Entity<TrackingEvent>(tracked =>
        {
            tracked.ToTable("events", "ingest").HasKey(e => e.Id);
            tracked.Property(e => e.ClientAddress).HasColumnType("inet");
        });
        modelBuilder.Entity<StoredEvents>().ToTable("stored_events", "ingest").HasKey(s => new { s.ClusterId, s.Id });
        modelBuilder.Entity<StoredBatch>().ToTable("batches", "ingest").HasKey(b => new { b.EdgeId, b.Sequence });
        modelBuilder.Entity<Edge>().ToTable("edges", "ingest").HasKey(e => e.EdgeId);
        modelBuilder.Entity<RejectedEvent>().ToTable("rejected_events", "ingest").HasKey(e => e.Id);
        modelBuilder.Entity<RuleSetRow>(rules =>
        {
            rules.ToTable("rule_sets", "ingest").HasKey(r => r.Number);
            rules.Property(r => r.Content).HasColumnType("jsonb");
        });
        modelBuilder.Entity<StoredList>(list =>
        {
            list.ToTable("lists", "ingest").HasKey(l => new { l.Name, l.Version });
            list.Property(l => l.Difference).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Review>().ToTable("reviews", "ingest").HasKey(r => r.Id);
        modelBuilder.Entity<Revision>().ToTable("revisions", "ingest")
            .HasKey(r => new { r.ClusterId, r.EventId, r.RevisedAt });
        modelBuilder.Entity<LinkHour>().ToTable("link_hours", "ingest")
            .HasKey(h => new { h.ClusterId, h.Hour, h.Kind, h.LinkId, h.Verdict });
        modelBuilder.Entity<Count>().ToTable("counts", "ingest")
            .HasKey(c => new { c.ClusterId, c.Generation, c.Dimension, c.Grain, c.Bucket, c.Key });
        modelBuilder.Entity<CountChange>().ToTable("count_changes", "ingest").HasKey(c => new { c.ClusterId, c.Id });
        modelBuilder.Entity<MessageCount>().ToTable("message_counts", "ingest")
            .HasKey(m => new { m.ClusterId, m.MessageKey });
        modelBuilder.Entity<MessageDay>().ToTable("message_days", "ingest")
            .HasKey(m => new { m.ClusterId, m.MessageKey, m.Day });
        modelBuilder.Entity<StatisticsState>().ToTable("statistics", "ingest").HasKey(s => s.ClusterId);
        modelBuilder.Entity<TrackingDomain>(domain =>
        {
            domain.ToTable("tracking_domains", "domains").HasKey(d => d.Id);
            domain.Property(d => d.LastCheck).HasColumnType("jsonb");
            domain.Property(d => d.ChangedIn).HasColumnType("xid8").ValueGeneratedOnAddOrUpdate();
            domain.Property(d => d.HasHttpLinks).ValueGeneratedOnAddOrUpdate();
        });
        modelBuilder.Entity<DomainCheck>(check =>
        {
            check.ToTable("checks", "domains").HasKey(c => c.Id);
            check.Property(c => c.Diagnosis).HasColumnType("jsonb");
        });
        modelBuilder.Entity<DomainNotice>(notice =>
        {
            notice.ToTable("notices", "domains").HasKey(n => n.Id);
            notice.Property(n => n.Facts).HasColumnType("jsonb");
        });
        modelBuilder.Entity<AuditEntry>(entry =>
        {
            entry.ToTable("audit_log", "management").HasKey(e => e.Id);
            entry.Property(e => e.Before).HasColumnType("jsonb");
            entry.Property(e => e.After).HasColumnType("jsonb");
        });

        modelBuilder.Entity<DataProtectionKey>().ToTable("data_protection_keys", "management").HasKey(k => k.Id);

        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(type => type.GetProperties()))
        {
            property.SetColumnName(SnakeCase(property.Name));
        }
    }

    private static string SnakeCase(string name) =>
        JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private sealed class ClusterIdConverter()
        : ValueConverter<ClusterId, int>(id => id.Value, value => new ClusterId(value));

    private sealed class MessageKeyConverter()
        : ValueConverter<MessageKey, byte[]>(key => key.ToBytes(), bytes => FromBytes(bytes))
    {
        private static MessageKey FromBytes(byte[] bytes) => MessageKey.Read(bytes);
    }

    private sealed class LinkIdConverter()
        : ValueConverter<LinkId, long>(id => id.ToInt64(), value => LinkId.FromInt64(value));

    private sealed class ClusterSettingsConverter()
        : ValueConverter<ClusterSettings, string>(
            settings => JsonSerializer.Serialize(settings, ClusterSettings.Json),
            json => Read(json))
    {
        // Unreadable settings of one cluster must not make a list of clusters fail. The column stays unchanged until
        // the settings are set again.
        private static ClusterSettings Read(string json) =>
            ClusterSettings.TryRead(json, out _) ?? ClusterSettings.InPlaceOfUnreadable;
    }
}
