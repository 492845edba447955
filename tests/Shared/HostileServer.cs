using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Tests.Shared;

/// <summary>A server on this machine that sends whatever bytes it is told to, without any rule of HTTP in the way.</summary>
internal sealed class HostileServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, byte[]> _answers = new();
    private readonly Task _serving;

    public HostileServer()
    {
        _listener.Start();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/"));
        _serving = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>The paths that were asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>What is sent when a path is asked for; the connection is closed after it.</summary>
    public HostileServer On(string path, byte[] answer)
    {
        _answers[path] = answer;
        return this;
    }

    public HostileServer On(string path, string body, string headers = "") => On(path, Response(Encoding.UTF8.GetBytes(body), headers));

    public static byte[] Response(byte[] body, string headers = "", string status = "200 OK")
        => [.. Encoding.Latin1.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\nContent-Type: application/json\r\n{headers}Connection: close\r\n\r\n"), .. body];

    public static byte[] Pack(string encoding, byte[] body)
    {
        using var packed = new MemoryStream();
        using (Stream stream = encoding switch
        {
            "gzip" => new GZipStream(packed, CompressionLevel.Optimal),
            "deflate" => new ZLibStream(packed, CompressionLevel.Optimal),
            _ => new BrotliStream(packed, CompressionLevel.Optimal),
        })
        {
            stream.Write(body);
        }

        return packed.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = AnswerAsync(client);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                NetworkStream stream = client.GetStream();
                string head = await ReadRequestAsync(stream);
                if (head.Length == 0)
                {
                    return;
                }

                string path = new Uri(Address, head.Split(' ')[1]).AbsolutePath;
                Asked.Enqueue(path);
                await stream.WriteAsync(_answers.GetValueOrDefault(path) ?? Response([], status: "404 Not Found"), _stop.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The client has had enough.
        }
    }

    /// <summary>Reads a request to the end of its body.</summary>
    private async Task<string> ReadRequestAsync(NetworkStream stream)
    {
        var request = new StringBuilder();
        byte[] buffer = new byte[65536];
        while (true)
        {
            int count = await stream.ReadAsync(buffer, _stop.Token);
            request.Append(Encoding.Latin1.GetString(buffer, 0, count));
            string text = request.ToString();
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (count == 0 || (end >= 0 && text.Length - end - 4 >= LengthOf(text)))
            {
                return text;
            }
        }
    }

    private static int LengthOf(string head)
    {
        const string Name = "Content-Length: ";
        int at = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? 0 : int.Parse(head.AsSpan(at + Name.Length, head.IndexOf('\r', at) - at - Name.Length), CultureInfo.InvariantCulture);
    }
}
