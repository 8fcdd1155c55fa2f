using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Certificates.Renewal;

/// <summary>Calls whoever orders and renews certificates.</summary>
internal sealed class NamesWaiting : CallToWork;
