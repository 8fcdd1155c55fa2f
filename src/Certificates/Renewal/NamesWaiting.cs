using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Certificates.Renewal;

/// <summary>Wakes the loop that orders and renews certificates.</summary>
internal sealed class NamesWaiting : CallToWork;
