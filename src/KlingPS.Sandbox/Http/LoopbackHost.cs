namespace KlingPS.Sandbox.Http;

/// <summary>The three hosts the service consists of, each on a port of its own.</summary>
internal enum LoopbackHost
{
    Api,
    Upload,
    Download,
}
