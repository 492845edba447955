using System.Globalization;
using System.Net;

namespace KlingPS.Browser.Tests;

/// <summary>Any plain web server: the files of a folder on loopback, in pieces where pieces are asked for.</summary>
internal sealed class FolderServer : IDisposable
{
    private readonly string _folder;
    private readonly HttpListener _listener = new();

    public FolderServer(string folder)
    {
        _folder = folder;
        Address = new Uri($"http://127.0.0.1:{LoopbackPort.Reserve()}/");
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _ = ServeAsync();
    }

    public Uri Address { get; }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            _ = AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using HttpListenerResponse response = context.Response;
            string path = Path.Combine(_folder, Uri.UnescapeDataString(context.Request.RawUrl!.Split('?')[0]).TrimStart('/'));
            if (context.Request.RawUrl == "/favicon.ico")
            {
                response.StatusCode = 204;
                return;
            }

            if (!File.Exists(path))
            {
                response.StatusCode = 404;
                return;
            }

            byte[] content = await File.ReadAllBytesAsync(path);
            response.ContentType = Path.GetExtension(path) switch
            {
                ".html" => "text/html; charset=utf-8",
                ".mp4" => "video/mp4",
                ".png" => "image/png",
                ".webp" => "image/webp",
                ".jpg" => "image/jpeg",
                _ => "application/octet-stream",
            };
            response.AddHeader("Accept-Ranges", "bytes");
            ArraySegment<byte> piece = content;
            if (context.Request.Headers["Range"] is string range)
            {
                string[] ends = range["bytes=".Length..].Split('-');
                int start = int.Parse(ends[0], CultureInfo.InvariantCulture);
                int end = ends[1].Length == 0 ? content.Length - 1 : Math.Min(int.Parse(ends[1], CultureInfo.InvariantCulture), content.Length - 1);
                piece = new(content, start, end - start + 1);
                response.StatusCode = 206;
                response.AddHeader("Content-Range", $"bytes {start}-{end}/{content.Length}");
            }

            response.ContentLength64 = piece.Count;
            await response.OutputStream.WriteAsync(piece);
        }
        catch (Exception exception) when (exception is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The browser has seen enough of it.
        }
    }
}
