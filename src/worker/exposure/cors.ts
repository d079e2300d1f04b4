/** Pages of any site may read what is exposed: the URL is the secret. */
export const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Transfer-Encoding, Content-Range, Accept-Ranges',
};
